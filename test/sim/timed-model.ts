import { type Clock, seededRng } from '@sluice/shared';
import { type StepWork, workOf } from '../../packages/worker/src/engine/cost-model.js';
import type { ModelLimits, ModelPort } from '../../packages/worker/src/engine/model-port.js';
import type { StepOutput, StepPlan } from '../../packages/worker/src/engine/step-plan.js';
import { HashModel } from '../../packages/worker/src/engine/test-support/hash-model.js';
import type { HistoryEntry } from './history.js';
import type { PassCost, Scenario } from './scenario.js';

/** A pass takes up to so much more than its cost says. */
export const JITTER_RATIO = 0.1;

/** The hashing model, whose passes take simulated time, and which tells the history of each. */
export class TimedModel implements ModelPort {
  readonly limits: ModelLimits;
  passes = 0;
  readonly #inner: HashModel;
  readonly #scenario: Scenario;
  readonly #clock: Clock;
  readonly #record: (entry: HistoryEntry) => void;

  constructor(scenario: Scenario, clock: Clock, record: (entry: HistoryEntry) => void) {
    this.limits = scenario.limits;
    this.#inner = new HashModel(scenario.limits);
    this.#scenario = scenario;
    this.#clock = clock;
    this.#record = record;
  }

  forward(plan: StepPlan): Promise<StepOutput> {
    const pass = this.passes++;
    const { cost, failingPasses, seed } = this.#scenario;
    const fails = failingPasses.has(pass);
    const durationMs = passMs(cost, workOf(plan)) * (1 + JITTER_RATIO * seededRng(seed, pass).next());
    this.#record({ kind: 'pass', plan, durationMs, fails });
    return new Promise((resolve, reject) => {
      // A pass reads and writes while it runs; what it leaves is there at its end.
      this.#clock.after(durationMs, () => {
        if (fails) reject(new Error(`pass ${pass} was told to fail`));
        else this.#inner.forward(plan).then(resolve, (broken: Error) => this.#breakOff(broken, reject));
      });
    });
  }

  copy(fromSlot: number, toSlot: number, tokens: number): void {
    this.#inner.copy(fromSlot, toSlot, tokens);
  }

  release(slot: number, fromToken: number): void {
    this.#inner.release(slot, fromToken);
  }

  close(): void {}

  #breakOff(broken: Error, reject: (reason: Error) => void): void {
    this.#record({ kind: 'broken', part: 'model', message: broken.message });
    reject(broken);
  }
}

/** Without its jitter, in milliseconds. */
export function passMs({ baseMs, tokenMs, pairMs }: PassCost, work: StepWork): number {
  const { decodes, decodeContext, prefillTokens, prefillPairs } = work;
  return baseMs + (decodes + prefillTokens) * tokenMs + (decodeContext + prefillPairs) * pairMs;
}
