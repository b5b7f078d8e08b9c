import { seededRng } from '@sluice/shared';
import { CostModel, noWork, type StepWork, withChunk, withDecode } from '../cost-model.js';
import type { RememberedCost } from '../remembered-cost.js';

/** Milliseconds of machines that could be: this one, one with dear attention, one as fast as an accelerator. */
export const machines: readonly (readonly [string, (work: StepWork) => number])[] = [
  ['a small CPU', (w) => 6 + 1.6 * w.decodes + 0.003 * w.decodeContext + 0.9 * w.prefillTokens + 4e-4 * w.prefillPairs],
  [
    'dear attention',
    (w) => 1 + 0.2 * w.decodes + 0.02 * w.decodeContext + 0.1 * w.prefillTokens + 2e-3 * w.prefillPairs,
  ],
  ['an accelerator', (w) => 45 + 0.6 * w.decodes + 1e-4 * w.decodeContext + 0.17 * w.prefillTokens + 3 * w.chunks],
];

/** A machine under a drawn load, and a model that watches it. */
export class MachineRun {
  readonly model: CostModel;
  slowness = 1;
  noiseRatio = 0.06;
  outlierRatio = 0;
  /** Share of steps with prompts. */
  promptRatio = 0.4;
  chunksMax = 2;
  /** By how much of their length the chunks of a step differ; undefined: each is drawn alone. */
  lengthRatio: number | undefined;
  readonly #machine: (work: StepWork) => number;
  readonly #rng = seededRng(7);

  constructor(machine: (work: StepWork) => number, abreast = 1, remembered?: RememberedCost) {
    this.#machine = machine;
    this.model = new CostModel(abreast, remembered);
  }

  steps(count: number): void {
    for (let i = 0; i < count; i++) {
      const work = this.draw();
      const noise = 1 + this.noiseRatio * (2 * this.#rng.next() - 1);
      const disturbed = this.#rng.next() < this.outlierRatio ? 3 + 5 * this.#rng.next() : 1;
      this.model.observe(work, this.#machine(work) * this.slowness * noise * disturbed);
    }
  }

  /** Median relative error against the machine without its noise, on work drawn anew. */
  errorOnFreshWork(): number {
    const errors = Array.from({ length: 200 }, () => {
      const work = this.draw();
      const truthMs = this.#machine(work) * this.slowness;
      return Math.abs(this.model.predictMs(work) - truthMs) / truthMs;
    });
    return errors.sort((a, b) => a - b)[100]!;
  }

  draw(): StepWork {
    let work = noWork;
    for (let decode = this.#rng.below(33); decode > 0; decode--) work = withDecode(work, this.#rng.below(1_000));
    if (work.decodes > 0 && this.#rng.next() >= this.promptRatio) return work;
    const { lengthRatio } = this;
    const [context, tokens] = lengthRatio === undefined ? [0, 0] : this.#drawChunk();
    for (let chunk = 1 + this.#rng.below(this.chunksMax); chunk > 0; chunk--) {
      if (lengthRatio === undefined) work = withChunk(work, ...this.#drawChunk());
      else work = withChunk(work, context, Math.round(tokens * (1 - lengthRatio * this.#rng.next())));
    }
    return work;
  }

  /** Tokens before it, and its own. */
  #drawChunk(): [number, number] {
    return [this.#rng.below(2_000), 16 + this.#rng.below(240)];
  }
}
