import { type Clock, createLog, systemClock } from '@sluice/shared';
import { Engine, type EngineOptions, type EngineParts } from '../engine.js';
import type { ModelLimits } from '../model-port.js';
import { createPolicy, type PolicyName } from '../scheduler/policies.js';
import { greedySampling, type Logprobs, type SequenceEvent, type SequenceRequest } from '../sequence.js';
import type { StepRecord } from '../step-record.js';
import { HashModel } from './hash-model.js';

const log = createLog('test', {});
log.level = 'silent';

export interface Outcome {
  readonly tokenIds: number[];
  /** A finish reason, or the code of a failure. */
  reason: string | undefined;
  /** Of the failure. */
  message?: string;
  /** Of the prompt's tokens, where they were told. */
  scores?: Logprobs[];
  embedding?: Float32Array | undefined;
  /** Of the prompt; 0 before the first token. */
  cachedTokens: number;
}

/** What became of each sequence, from the engine's events alone. */
export class Outcomes {
  /** Tokens that sequences came with, by id. */
  readonly generatedElsewhere = new Map<string, number>();
  readonly #byId = new Map<string, Outcome>();
  readonly #isIdle: () => boolean;
  readonly #broken: string[] = [];

  constructor(isIdle: () => boolean) {
    this.#isIdle = isIdle;
  }

  get(id: string): Outcome {
    return this.#byId.get(id) ?? { tokenIds: [], reason: undefined, cachedTokens: 0 };
  }

  /** Each sequence ends once and gains nothing after its end; {@link allEnded} throws where that was not so. */
  readonly add = (events: readonly SequenceEvent[]): void => {
    for (const event of events) {
      const outcome = this.get(event.id);
      this.#byId.set(event.id, outcome);
      if (outcome.reason !== undefined) this.#broken.push(`${event.id} gets ${event.kind} after its end`);
      if (event.kind === 'token') {
        outcome.tokenIds.push(event.tokenId);
        outcome.cachedTokens = event.cachedTokens;
      } else if (event.kind === 'prompt') {
        if (outcome.tokenIds.length > 0) this.#broken.push(`${event.id} hears of its prompt after a token`);
        outcome.scores = [...(outcome.scores ?? []), ...event.logprobs];
        outcome.embedding = event.embedding;
        outcome.cachedTokens = event.cachedTokens;
      } else outcome.reason = event.kind === 'finished' ? event.reason : event.error.code;
      if (event.kind === 'failed') outcome.message = event.error.message;
      const elsewhere = this.generatedElsewhere.get(event.id) ?? 0;
      if (event.kind === 'finished' && event.completionTokens !== elsewhere + outcome.tokenIds.length) {
        this.#broken.push(`${event.id} ends with ${event.completionTokens} tokens and was given others`);
      }
    }
  };

  /** Until the engine has nothing left and said so. */
  async allEnded(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (!this.#isIdle());
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#broken.length > 0) throw new Error(this.#broken.join('\n'));
  }
}

/** An engine over a hashing model. */
export function start(
  options: EngineOptions,
  limits: Partial<ModelLimits>,
  onStep?: (record: StepRecord) => void,
  policy: PolicyName = 'sarathi',
  clock: Clock = systemClock(),
) {
  return startWith(
    options,
    { ...(onStep === undefined ? {} : { onStep }), policy: createPolicy(policy), clock },
    limits,
  );
}

/** The same with parts of the caller's own. */
export function startWith(options: EngineOptions, parts: Partial<EngineParts>, limits: Partial<ModelLimits> = {}) {
  const model = new HashModel(limits);
  const outcomes = new Outcomes(() => engine.load().running + engine.load().waiting === 0);
  const defaults = { model, policy: createPolicy('sarathi'), clock: systemClock(), log, listener: outcomes.add };
  const engine = new Engine(options, { ...defaults, ...parts });
  return { model, engine, outcomes };
}

export function request(fields: Partial<SequenceRequest>): SequenceRequest {
  return {
    id: 'one',
    promptIds: [1, 2, 3],
    tokensMax: 4,
    sampling: greedySampling,
    stopTokenIds: new Set(),
    logprobsTop: undefined,
    ...fields,
  };
}
