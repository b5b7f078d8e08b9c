import type { Clock } from '@sluice/shared';
import {
  type CopiedTokens,
  type LogitsRow,
  type ModelLimits,
  type ModelPort,
  type StepOutput,
  type StepPlan,
  workOf,
} from '@sluice/worker';
import type { Machine } from './machine.js';

/** Keys and values of the default model, and the rate at which they are copied into memory that is not yet committed. */
const COPY_BYTES_PER_TOKEN = 46_080;
const COPY_BYTES_PER_MS = 500_000;

const nothing = new Uint8Array(0);
const row: LogitsRow = { best: 1, logits: new Float32Array(2), candidates: undefined, logSumExps: [] };

/** A model that computes nothing and takes the time that its machine would: always token 1. */
export class CostedModel implements ModelPort {
  readonly limits: ModelLimits;
  readonly #machine: Machine;
  readonly #clock: Clock;
  /** Since the pass before: the clock stands still meanwhile, so the next pass takes longer instead. */
  #copiesMs = 0;

  constructor(machine: Machine, stepTokensMax: number, clock: Clock) {
    this.#machine = machine;
    this.#clock = clock;
    this.limits = {
      vocabularyCount: 2,
      slotsMax: machine.slotsMax,
      contextTokens: machine.contextTokens,
      stepTokensMax,
      chunksMax: machine.chunksMax,
      chunksAbreast: machine.chunksAbreast ?? 1,
      chunkBlockTokens: 32,
      decodeTokensMax: 1,
      wantedRowsMax: machine.slotsMax + Math.max(machine.chunksMax, machine.chunksAbreast ?? 1),
    };
  }

  forward(plan: StepPlan): Promise<StepOutput> {
    const wanted = [...plan.decodes, ...plan.chunks].reduce((sum, { wantTokens }) => sum + wantTokens, 0);
    const rows = new Array<LogitsRow>(wanted).fill(row);
    const passMs = this.#machine.passMs(workOf(plan, this.limits)) + this.#copiesMs;
    this.#copiesMs = 0;
    return new Promise((resolve) => {
      this.#clock.after(passMs, () => resolve({ rows }));
    });
  }

  stop(): void {}

  copy(): void {}

  copyBytes(tokens: number): number {
    return tokens * COPY_BYTES_PER_TOKEN;
  }

  copyOut(_slot: number, tokens: number): CopiedTokens {
    this.#copiesMs += this.copyBytes(tokens) / COPY_BYTES_PER_MS;
    return { tokens, bytes: nothing };
  }

  copyIn(_slot: number, { tokens }: CopiedTokens): void {
    this.#copiesMs += this.copyBytes(tokens) / COPY_BYTES_PER_MS;
  }

  prepare(): void {}

  release(): void {}

  close(): void {}
}
