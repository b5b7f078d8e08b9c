import { BrokenAssertion, type Clock, type Logger, ServingError } from '@sluice/shared';
import type { ModelPort } from './model-port.js';
import type { StepOutput, StepPlan } from './step-plan.js';

/** When a forward pass counts as hanging. Milliseconds in which this process was seen to run, so never too soon. */
export interface PassLimits {
  /** A pass may take so many times what was predicted, */
  readonly ratio: number;
  /** and this long in any case, */
  readonly leastMs: number;
  /** and this long as long as predictions are guesses. */
  readonly leastUnlearntMs: number;
  /** What one that was told to stop has left to come back. */
  readonly graceMs: number;
}

export const defaultPassLimits: PassLimits = {
  ratio: 20,
  leastMs: 30_000,
  leastUnlearntMs: 300_000,
  graceMs: 10_000,
};

/** Passes from which a cost model knows about what the next one takes. */
const LEARNT_PASSES = 20;

/** How often a running pass is looked at. */
const LOOK_MS = 1_000;

export type PassOutcome =
  | { readonly kind: 'done'; readonly output: StepOutput }
  /** Its sequences fail, and the model goes on. */
  | { readonly kind: 'failed'; readonly error: ServingError }
  /** The pass may still be running, or nobody knows what it did: the model cannot be used any more. */
  | { readonly kind: 'broken'; readonly error: ServingError; readonly cause: Error };

/** A pass that did not come back when it was told to. */
export class HungPass extends Error {
  override readonly name = 'HungPass';
}

/** What passes are predicted to take. */
export interface PassForecast {
  readonly predictedMs: number;
  /** Passes that the prediction was learnt from. */
  readonly passesSeen: number;
}

/**
 * Runs passes and cuts off those that hang.
 *
 *   running ──deadline──▶ told to stop ──rejects──▶ failed
 *                              └──grace is over───▶ broken
 *
 * Time is counted in looks of a second that were taken, and not read from a clock: while the machine is suspended or the
 * process is held by a debugger no look is taken, so neither makes a pass late.
 */
export class PassRunner {
  readonly #model: ModelPort;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: PassLimits;
  #stopLooking: (() => void) | undefined;
  readonly #passes = new Set<RunningPass>();

  constructor(model: ModelPort, clock: Clock, log: Logger, limits: PassLimits = defaultPassLimits) {
    this.#model = model;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
  }

  /**
   * Never rejects.
   * @param executors as of `ModelPort.forward`.
   */
  run(plan: StepPlan, forecast: PassForecast, executors?: number): Promise<PassOutcome> {
    return new Promise((resolve) => {
      const deadlineMs = this.#deadlineMs(forecast);
      const pass: RunningPass = {
        plan,
        looksLeft: looksIn(deadlineMs),
        looksTaken: 0,
        stoppedAfterMs: undefined,
        end: resolve,
      };
      this.#passes.add(pass);
      this.#stopLooking ??= this.#lookLater();
      this.#forward(plan, executors).then(
        (output) => this.#end(pass, { kind: 'done', output }),
        (failure: unknown) => this.#end(pass, this.#outcomeOf(failure, pass)),
      );
    });
  }

  /** No pass will run for a while. */
  rest(): void {
    this.#stopLooking?.();
    this.#stopLooking = undefined;
  }

  async #forward(plan: StepPlan, executors: number | undefined): Promise<StepOutput> {
    return executors === undefined ? this.#model.forward(plan) : this.#model.forward(plan, executors);
  }

  #end(pass: RunningPass, outcome: PassOutcome): void {
    this.#passes.delete(pass);
    pass.end(outcome);
  }

  #outcomeOf(failure: unknown, { plan, stoppedAfterMs }: RunningPass): PassOutcome {
    const shape = { decodes: plan.decodes.length, chunks: plan.chunks.length };
    if (failure instanceof BrokenAssertion) return { kind: 'broken', error: passFailed(failure), cause: failure };
    this.#log.error({ err: failure, ...shape }, 'a pass failed');
    if (stoppedAfterMs === undefined) return { kind: 'failed', error: passFailed(failure) };
    return { kind: 'failed', error: passCutOff(stoppedAfterMs, failure) };
  }

  #deadlineMs({ predictedMs, passesSeen }: PassForecast): number {
    const { ratio, leastMs, leastUnlearntMs } = this.#limits;
    return Math.max(passesSeen < LEARNT_PASSES ? leastUnlearntMs : leastMs, ratio * predictedMs);
  }

  #lookLater(): () => void {
    return this.#clock.after(LOOK_MS, () => {
      this.#stopLooking = this.#lookLater();
      for (const pass of this.#passes) this.#look(pass);
    });
  }

  #look(pass: RunningPass): void {
    pass.looksTaken += 1;
    if (--pass.looksLeft > 0) return;
    if (pass.stoppedAfterMs === undefined) {
      pass.stoppedAfterMs = pass.looksTaken * LOOK_MS;
      pass.looksLeft = looksIn(this.#limits.graceMs);
      this.#log.error({ afterMs: pass.stoppedAfterMs }, 'a pass takes too long and is told to stop');
      this.#model.stop(pass.plan);
      return;
    }
    const afterMs = pass.looksTaken * LOOK_MS;
    const cause = new HungPass(`a forward pass did not come back in ${afterMs} ms, though it was told to stop`);
    this.#end(pass, { kind: 'broken', error: passCutOff(pass.stoppedAfterMs, cause), cause });
  }
}

interface RunningPass {
  readonly plan: StepPlan;
  looksLeft: number;
  looksTaken: number;
  /** Undefined: it was not told to stop. */
  stoppedAfterMs: number | undefined;
  readonly end: (outcome: PassOutcome) => void;
}

/** One more, because a pass may begin just before a look. */
function looksIn(durationMs: number): number {
  return Math.ceil(durationMs / LOOK_MS) + 1;
}

function passFailed(cause: unknown): ServingError {
  return new ServingError('engine_failed', 'the forward pass failed; the failure is in the log of the worker', {
    cause,
  });
}

function passCutOff(afterMs: number, cause: unknown): ServingError {
  return new ServingError('engine_failed', `the forward pass was cut off after ${afterMs / 1_000} s`, { cause });
}
