import { type Clock, seededRng } from '@sluice/shared';
import { type StepWork, workOf } from '../../packages/worker/src/engine/cost-model.js';
import type { CopiedTokens, ModelLimits, ModelPort } from '../../packages/worker/src/engine/model-port.js';
import type { StepOutput, StepPlan } from '../../packages/worker/src/engine/step-plan.js';
import { HashModel } from '../../packages/worker/src/engine/test-support/hash-model.js';
import type { HistoryEntry } from './history.js';
import type { PassCost, Scenario } from './scenario.js';

/**
 * What a token that went through the decode lane is to the hash: another one, as the real lanes round differently. So the
 * text changes when a prompt is computed through the wrong lane, or a generated token is taken for cached prompt.
 */
const DECODED = 1_000;

/** A decoded token as the hash sees it: the same one where the model says that chunks round as decodes. */
export function decoded(tokenId: number, { chunksRoundAsDecodes = false }: ModelLimits): number {
  return chunksRoundAsDecodes ? tokenId : tokenId + DECODED;
}

/** What it needs of a scenario. */
export type TimedScenario = Pick<Scenario, 'seed' | 'limits' | 'cost' | 'failingPasses' | 'hangingPasses'> &
  Partial<Pick<Scenario, 'executors' | 'executorsOpenAtPass'>>;

/** What a prompt saves on an executor of its own: nobody waits for others behind every operator. */
const ALONE_RATIO = 0.9;

/** The hashing model, whose passes take simulated time, side by side too, and which tells the history of each. */
export class TimedModel implements ModelPort {
  readonly limits: ModelLimits;
  passes = 0;
  readonly #inner: HashModel;
  readonly #scenario: TimedScenario;
  readonly #clock: Clock;
  readonly #record: (entry: HistoryEntry) => void;
  /** End passes that hang. */
  readonly #unhang = new Map<StepPlan, () => void>();

  constructor(scenario: TimedScenario, clock: Clock, record: (entry: HistoryEntry) => void) {
    this.limits = scenario.limits;
    this.#inner = new HashModel(scenario.limits, scenario.executors ?? 1);
    this.#scenario = scenario;
    this.#clock = clock;
    this.#record = record;
  }

  /** One, until the others are open. */
  get executors(): number {
    const { executors = 1, executorsOpenAtPass = 0 } = this.#scenario;
    return this.passes >= executorsOpenAtPass ? executors : 1;
  }

  forward(plan: StepPlan, executors?: number): Promise<StepOutput> {
    const pass = this.passes++;
    const { failingPasses, hangingPasses, seed, cost } = this.#scenario;
    const hangs = hangingPasses.has(pass);
    const fails = hangs || failingPasses.has(pass);
    const durationMs = this.#passMs(plan, executors) * (1 + cost.jitterRatio * seededRng(seed, pass).next());
    this.#record({ kind: 'pass', pass, plan, executors, durationMs, fails });
    const tokens = tagged(plan, this.limits);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#unhang.delete(plan);
        this.#record({ kind: 'pass-end', pass });
        try {
          if (fails) {
            this.#inner.abandon(tokens);
            reject(new Error(`pass ${pass} was told to fail`));
          } else resolve(this.#inner.end(tokens));
        } catch (broken) {
          reject(this.#break(broken));
        }
      };
      try {
        this.#inner.begin(tokens, executors);
      } catch (broken) {
        this.#record({ kind: 'pass-end', pass });
        return reject(this.#break(broken));
      }
      if (hangs) this.#unhang.set(plan, end);
      else this.#clock.after(durationMs, end);
    });
  }

  stop(plan: StepPlan): void {
    const unhang = this.#unhang.get(plan);
    if (unhang === undefined) this.#break(new Error('a pass is stopped that does not hang'));
    unhang?.();
  }

  copy(fromSlot: number, toSlot: number, tokens: number): void {
    this.#checked(() => this.#inner.copy(fromSlot, toSlot, tokens));
  }

  copyBytes(tokens: number): number {
    return this.#inner.copyBytes(tokens);
  }

  copyOut(slot: number, tokens: number): CopiedTokens {
    return this.#checked(() => this.#inner.copyOut(slot, tokens));
  }

  copyIn(slot: number, copied: CopiedTokens): void {
    this.#checked(() => this.#inner.copyIn(slot, copied));
  }

  prepare(slot: number, tokens: number): void {
    this.#fromTimer(() => this.#inner.prepare(slot, tokens));
  }

  release(slot: number, fromToken: number): void {
    this.#fromTimer(() => this.#inner.release(slot, fromToken));
  }

  close(): void {}

  /** Without its jitter. On a part of the executors it takes as much longer. */
  #passMs(plan: StepPlan, executors: number | undefined): number {
    const { cost, executors: all = 1 } = this.#scenario;
    const work = workOf(plan, this.limits);
    const wholeMs = passMs(cost, work) * abreastRatio(work, executors ?? this.limits.chunksAbreast ?? 1);
    if (executors === undefined) return wholeMs;
    const isPromptAlone = executors === 1 && work.decodes === 0;
    return ((wholeMs * all) / executors) * (isPromptAlone ? ALONE_RATIO : 1);
  }

  #checked<Result>(act: () => Result): Result {
    try {
      return act();
    } catch (broken) {
      throw this.#break(broken);
    }
  }

  /** Nobody asked for it who could take an answer. */
  #fromTimer(act: () => void): void {
    try {
      act();
    } catch (broken) {
      this.#break(broken);
    }
  }

  #break(broken: unknown): Error {
    const { message } = broken as Error;
    this.#record({ kind: 'broken', part: 'model', message });
    return new Error(message);
  }
}

function tagged(plan: StepPlan, limits: ModelLimits): StepPlan {
  return {
    ...plan,
    decodes: plan.decodes.map((row) => ({
      ...row,
      tokenIds: Array.from(row.tokenIds, (tokenId) => decoded(tokenId, limits)),
    })),
  };
}

/** What a pass takes over one that computes chunks one after the other: 0.7 where as many as can be end together. */
function abreastRatio({ prefillTokens, prefillPairs, chunks, heaviestChunk }: StepWork, abreast: number): number {
  if (chunks < 2 || chunks > abreast) return 1;
  return Math.min(1, (0.7 * abreast * heaviestChunk) / (prefillTokens + prefillPairs / 1_000));
}

/** Without its jitter, in milliseconds, and with one chunk after the other. */
export function passMs({ baseMs, tokenMs, pairMs }: PassCost, work: StepWork): number {
  const { decodes, decodeContext, prefillTokens, prefillPairs } = work;
  return baseMs + (decodes + prefillTokens) * tokenMs + (decodeContext + prefillPairs) * pairMs;
}
