import { assert } from '@sluice/shared';
import { CostModel, noWork, type StepWork } from './cost-model.js';
import { NormalEquations } from './normal-equations.js';
import type { RememberedCost } from './remembered-cost.js';

export interface MeasuredPass {
  readonly work: StepWork;
  /** Above 0. */
  readonly ms: number;
}

/** Of the base, of decode rows and of chunks: whose coefficient each feature has, in the order of `featuresOf`. */
const PARTS = [0, 1, 1, 2, 2, 2, 2];
/** What a guess counts for beside a pass that was measured, which counts 1: where no pass shows a part, it decides. */
const GUESS_WEIGHT = 0.01;
/** Parts are at least so much of what they are guessed to be beside the base, so that none is taken for nothing. */
const SHARE_MIN = 0.1;
const SWEEPS = 100;
/** Each coefficient counts for so many passes, of those before the start, which count a fifth (`CostModel`). */
const CERTAINTY = 2.5;
/** How far off predictions may be, as a logarithm. */
const SPREAD = 0.3;

/**
 * What passes cost after a few of them, some of which may have been disturbed: how many times what is guessed the base takes,
 * rows, and chunks. What a row takes beside its context, and a token beside its pairs, stays in proportion, for that is
 * more than so few passes tell.
 * @param measured at least one pass, the first without chunks.
 */
export function probedCost(measured: readonly MeasuredPass[]): RememberedCost {
  const guess = new CostModel();
  const partsMs = (work: StepWork): Float64Array => {
    const baseMs = guess.predictMs(noWork);
    const decodesMs = guess.predictMs({ ...work, prefillTokens: 0, prefillPairs: 0, chunks: 0, heaviestChunk: 0 });
    return Float64Array.of(baseMs, decodesMs - baseMs, guess.predictMs(work) - decodesMs);
  };
  const [first] = measured;
  assert(first !== undefined, 'what passes cost is not known before the first');
  const slowness = first.ms / guess.predictMs(first.work);
  const ratios = new Float64Array(3).fill(slowness);
  const equations = new NormalEquations(Array.from(ratios), GUESS_WEIGHT, 1);
  for (const { work, ms } of measured) equations.add(partsMs(work), ms, 1 / ms ** 2);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let i = 0; i < ratios.length; i++) {
      const better = ratios[i]! + equations.slope(i, ratios) / equations.curvature(i);
      ratios[i] = Math.max(SHARE_MIN * slowness, better);
    }
  }
  const { coefficients, marginRatio } = guess.remembered;
  const learnt = coefficients.map((ms, feature) => ratios[PARTS[feature]!]! * ms);
  return {
    coefficients: learnt,
    // Where it is less than guessed, it is not the surer.
    certainties: coefficients.map((ms, feature) => CERTAINTY / Math.max(slowness * ms, learnt[feature]!) ** 2),
    spread: { chunks: SPREAD, decodes: SPREAD },
    marginRatio,
  };
}
