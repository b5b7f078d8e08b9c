import type { Clock } from '@sluice/shared';
import {
  type LogitsRow,
  type ModelLimits,
  type ModelPort,
  type StepOutput,
  type StepPlan,
  workOf,
} from '@sluice/worker';
import type { Machine } from './machine.js';

const row: LogitsRow = { best: 1, logits: new Float32Array(2), candidates: undefined, logSumExps: [] };

/** A model that computes nothing and takes the time that its machine would: always token 1. */
export class CostedModel implements ModelPort {
  readonly limits: ModelLimits;
  readonly #machine: Machine;
  readonly #clock: Clock;

  constructor(machine: Machine, stepTokensMax: number, clock: Clock) {
    this.#machine = machine;
    this.#clock = clock;
    this.limits = {
      vocabularyCount: 2,
      slotsMax: machine.slotsMax,
      contextTokens: machine.contextTokens,
      stepTokensMax,
      chunksMax: machine.chunksMax,
      chunkBlockTokens: 32,
      wantedRowsMax: machine.slotsMax + machine.chunksMax,
    };
  }

  forward(plan: StepPlan): Promise<StepOutput> {
    const wanted = (rows: readonly { readonly want: unknown }[]): number =>
      rows.filter(({ want }) => want !== undefined).length;
    const rows = new Array<LogitsRow>(wanted(plan.decodes) + wanted(plan.chunks)).fill(row);
    return new Promise((resolve) => {
      this.#clock.after(this.#machine.passMs(workOf(plan)), () => resolve({ rows }));
    });
  }

  stop(): void {}

  copy(): void {}

  release(): void {}

  close(): void {}
}
