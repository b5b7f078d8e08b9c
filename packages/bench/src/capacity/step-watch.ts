import { type ModelPort, type StepOutput, type StepPlan, type StepWork, workOf } from '@sluice/worker';
import type { Measured } from '../simulate/calibrate.js';
import { quantile } from '../simulate/samples.js';

/** How well passes were predicted. */
export interface StepErrors {
  /** Median of |predicted − actual| / actual; null without passes. */
  readonly stepErrorRatio: number | null;
  /** All that was predicted over all that it took, less 1: above 0 the prediction is too slow. */
  readonly stepBiasRatio: number | null;
  readonly steps: number;
}

/** Writes down what the passes of a model computed and took. */
export class StepWatch {
  /** The same model, watched; one pass at a time, as in a simulation. */
  readonly model: ModelPort;
  readonly #nowMs: () => number;
  readonly #hostGapsMs: number[] = [];
  #passes: Measured[] = [];
  #endedMs: number | undefined;

  constructor(model: ModelPort, nowMs: () => number) {
    this.#nowMs = nowMs;
    const forward = (plan: StepPlan): Promise<StepOutput> => this.#forward(model, plan);
    this.model = new Proxy(model, {
      get: (target, name) => {
        if (name === 'forward') return forward;
        if (name === 'executors') return 1;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** Those since this was asked last. */
  take(): readonly Measured[] {
    const passes = this.#passes;
    this.#passes = [];
    return passes;
  }

  /** From the end of a pass to the beginning of the next, pauses included. */
  get hostGapsMs(): readonly number[] {
    return this.#hostGapsMs;
  }

  async #forward(model: ModelPort, plan: StepPlan): Promise<StepOutput> {
    const startMs = this.#nowMs();
    if (this.#endedMs !== undefined) this.#hostGapsMs.push(startMs - this.#endedMs);
    const output = await model.forward(plan);
    this.#endedMs = this.#nowMs();
    this.#passes.push({ work: workOf(plan, model.limits), passMs: this.#endedMs - startMs });
    return output;
  }
}

/** How a prediction compares with passes that were run. */
export function stepErrors(passes: readonly Measured[], predictMs: (work: StepWork) => number): StepErrors {
  if (passes.length === 0) return { stepErrorRatio: null, stepBiasRatio: null, steps: 0 };
  const sum = (of: (pass: Measured) => number): number => passes.reduce((total, pass) => total + of(pass), 0);
  const errors = passes.map(({ work, passMs }) => Math.abs(predictMs(work) - passMs) / passMs);
  return {
    stepErrorRatio: quantile(errors, 0.5),
    stepBiasRatio: sum(({ work }) => predictMs(work)) / sum(({ passMs }) => passMs) - 1,
    steps: passes.length,
  };
}
