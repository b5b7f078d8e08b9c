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

/** A model whose passes are written down: what they computed and what they took. */
export class StepWatch implements ModelPort {
  readonly limits: ModelPort['limits'];
  readonly #model: ModelPort;
  readonly #nowMs: () => number;
  #passes: Measured[] = [];

  constructor(model: ModelPort, nowMs: () => number) {
    this.limits = model.limits;
    this.#model = model;
    this.#nowMs = nowMs;
  }

  /** Those since this was asked last. */
  take(): readonly Measured[] {
    const passes = this.#passes;
    this.#passes = [];
    return passes;
  }

  async forward(plan: StepPlan): Promise<StepOutput> {
    const startMs = this.#nowMs();
    const output = await this.#model.forward(plan);
    this.#passes.push({ work: workOf(plan), passMs: this.#nowMs() - startMs });
    return output;
  }

  stop(): void {
    this.#model.stop();
  }

  copy(fromSlot: number, toSlot: number, tokens: number): void {
    this.#model.copy(fromSlot, toSlot, tokens);
  }

  release(slot: number, fromToken: number): void {
    this.#model.release(slot, fromToken);
  }

  close(): void {
    this.#model.close();
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
