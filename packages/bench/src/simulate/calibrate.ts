import { type LaneModel, noWork, type StepPlan, type StepWork, sharedTokens, wantBest, workOf } from '@sluice/worker';
import { fillSlots } from '../engine/fill-slots.js';
import type { LinearCost } from './machine.js';

/** A pass that was run, and what it took. */
export interface Measured {
  readonly work: StepWork;
  readonly passMs: number;
}

/** Shapes whose times tell the coefficients apart: rows, their context, tokens of each of the chunks, theirs. */
const shapesUpTo = (far: number): readonly Shape[] => [
  { decodes: 1, context: 64, chunks: [] },
  { decodes: 1, context: far, chunks: [] },
  { decodes: 8, context: 64, chunks: [] },
  { decodes: 8, context: far, chunks: [] },
  { decodes: 24, context: 64, chunks: [] },
  { decodes: 24, context: far, chunks: [] },
  { decodes: 0, context: 0, chunks: [32] },
  { decodes: 0, context: 0, chunks: [128] },
  { decodes: 0, context: 0, chunks: [far] },
  { decodes: 0, context: far, chunks: [128] },
  { decodes: 0, context: 0, chunks: [64, 64] },
  { decodes: 8, context: far >> 1, chunks: [32, 32] },
  { decodes: 16, context: far >> 1, chunks: [128] },
  { decodes: 28, context: far >> 1, chunks: [64] },
  { decodes: 28, context: far >> 1, chunks: [96, 32] },
];

interface Shape {
  readonly decodes: number;
  readonly context: number;
  readonly chunks: readonly number[];
}

/**
 * Runs passes of several shapes on a real model of at least 32 slots, each a few times, and keeps each shape's median.
 * @param contextTokens lengths go up to three quarters of it; about 15 s for 640 tokens.
 */
export async function measurePasses(
  model: LaneModel,
  repeats: number,
  contextTokens = model.limits.contextTokens,
): Promise<readonly Measured[]> {
  const { slotsMax, chunksMax } = model.limits;
  const longest = (3 * contextTokens) >> 2;
  const plans = shapesUpTo(longest)
    .filter(({ chunks }) => chunks.length <= chunksMax)
    .map((shape) => planOf(shape, slotsMax));
  const times = plans.map((): number[] => []);
  fillSlots(model, longest);
  // Round after round, so that a machine that is slower for a while is slower for all of them.
  for (let round = -1; round < repeats; round++) {
    for (const [index, plan] of plans.entries()) {
      const startMs = performance.now();
      await model.forward(plan);
      if (round >= 0) times[index]!.push(performance.now() - startMs);
    }
  }
  return plans.map((plan, index) => {
    const sorted = times[index]!.sort((a, b) => a - b);
    return { work: workOf(plan, model.limits), passMs: sorted[sorted.length >> 1]! };
  });
}

/** Decodes in the first slots, chunks in the last. */
function planOf({ decodes, context, chunks }: Shape, slots: number): StepPlan {
  return {
    decodes: Array.from({ length: decodes }, (_, slot) => ({
      slot,
      tokenIds: [1],
      position: context,
      want: wantBest,
      wantTokens: 1,
    })),
    chunks: chunks.map((tokens, index) => ({
      slot: slots - chunks.length + index,
      tokenIds: new Array<number>(tokens).fill(1),
      position: context,
      want: wantBest,
      wantTokens: 1,
    })),
    resting: [],
  };
}

const SWEEPS = 20_000;

/**
 * The coefficients, none below zero, whose relative errors have the least squares: by coordinate descent.
 * @param chunksAbreast that the model may compute side by side.
 */
export function fitCost(measured: readonly Measured[], chunksAbreast = 1): LinearCost {
  const rows = measured.map(({ work, passMs }) => features(work, chunksAbreast).map((value) => value / passMs));
  const indexes = [...features(noWork, chunksAbreast).keys()];
  const products = indexes.map((i) => indexes.map((j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)));
  const targets = indexes.map((i) => rows.reduce((sum, row) => sum + row[i]!, 0));
  const coefficients = indexes.map(() => 1);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const i of indexes) {
      const curvature = products[i]![i]!;
      if (curvature === 0) continue;
      const slope = targets[i]! - products[i]!.reduce((sum, value, j) => sum + value * coefficients[j]!, 0);
      coefficients[i] = Math.max(0, coefficients[i]! + slope / curvature);
    }
  }
  const [base, decode, context, prefill, pair, chunk, shared] = coefficients as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    baseMs: base,
    decodeMs: decode,
    decodeContextMs: context / 1_000,
    prefillTokenMs: prefill,
    prefillPairMs: pair / 1_000,
    chunkMs: chunk,
    chunksAbreast,
    // A token costs something also where it shares; and where none did, nothing is known of it.
    sharedTokenMs: products.at(-1)!.at(-1) === 0 ? 0 : Math.min(prefill, shared),
  };
}

/** Context and pairs by the thousand, so that the coefficients are of one size. */
function features(work: StepWork, chunksAbreast: number): number[] {
  const { decodes, decodeContext, prefillTokens, prefillPairs, chunks } = work;
  const shared = sharedTokens(work, chunksAbreast);
  return [1, decodes, decodeContext / 1_000, prefillTokens, prefillPairs / 1_000, chunks, -shared];
}
