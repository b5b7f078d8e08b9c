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
export const DECODED = 1_000;

/** What it needs of a scenario. */
export type TimedScenario = Pick<Scenario, 'seed' | 'limits' | 'cost' | 'failingPasses' | 'hangingPasses'>;

/** The hashing model, whose passes take simulated time, and which tells the history of each. */
export class TimedModel implements ModelPort {
  readonly limits: ModelLimits;
  passes = 0;
  #isRunning = false;
  readonly #inner: HashModel;
  readonly #scenario: TimedScenario;
  readonly #clock: Clock;
  readonly #record: (entry: HistoryEntry) => void;
  /** Ends the pass that hangs. */
  #unhang: (() => void) | undefined;

  constructor(scenario: TimedScenario, clock: Clock, record: (entry: HistoryEntry) => void) {
    this.limits = scenario.limits;
    this.#inner = new HashModel(scenario.limits);
    this.#scenario = scenario;
    this.#clock = clock;
    this.#record = record;
  }

  forward(plan: StepPlan): Promise<StepOutput> {
    const pass = this.passes++;
    const { cost, failingPasses, hangingPasses, seed } = this.#scenario;
    const hangs = hangingPasses.has(pass);
    const fails = hangs || failingPasses.has(pass);
    const work = workOf(plan);
    const wholeMs = passMs(cost, work) * abreastRatio(work, this.limits.chunksAbreast ?? 1);
    const durationMs = wholeMs * (1 + cost.jitterRatio * seededRng(seed, pass).next());
    this.#record({ kind: 'pass', plan, durationMs, fails });
    if (this.#isRunning) this.#break('two passes at once');
    this.#isRunning = true;
    return new Promise((resolve, reject) => {
      // A pass reads and writes while it runs; what it leaves is there at its end.
      const end = (): void => {
        this.#isRunning = false;
        this.#unhang = undefined;
        if (fails) reject(this.#fail(plan, pass));
        else this.#inner.forward(tagged(plan)).then(resolve, (broken: Error) => reject(this.#break(broken.message)));
      };
      if (hangs) this.#unhang = end;
      else this.#clock.after(durationMs, end);
    });
  }

  stop(): void {
    if (this.#unhang === undefined) this.#break('a pass is stopped that does not hang');
    this.#unhang?.();
  }

  copy(fromSlot: number, toSlot: number, tokens: number): void {
    if (this.#isRunning) this.#break('a slot is copied while a pass runs');
    this.#inner.copy(fromSlot, toSlot, tokens);
  }

  copyBytes(tokens: number): number {
    return this.#inner.copyBytes(tokens);
  }

  copyOut(slot: number, tokens: number): CopiedTokens {
    if (this.#isRunning) this.#break('a slot is copied out while a pass runs');
    return this.#inner.copyOut(slot, tokens);
  }

  copyIn(slot: number, copied: CopiedTokens): void {
    if (this.#isRunning) this.#break('a copy goes into a slot while a pass runs');
    this.#inner.copyIn(slot, copied);
  }

  release(slot: number, fromToken: number): void {
    this.#inner.release(slot, fromToken);
  }

  close(): void {}

  /** Nobody knows what is in the slots of a pass that failed. */
  #fail({ decodes, chunks }: StepPlan, pass: number): Error {
    for (const { slot } of [...decodes, ...chunks]) this.#inner.release(slot, 0);
    return new Error(`pass ${pass} was told to fail`);
  }

  #break(message: string): Error {
    this.#record({ kind: 'broken', part: 'model', message });
    return new Error(message);
  }
}

function tagged(plan: StepPlan): StepPlan {
  return {
    ...plan,
    decodes: plan.decodes.map((row) => ({
      ...row,
      tokenIds: Array.from(row.tokenIds, (tokenId) => tokenId + DECODED),
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
