import { type LaneModel, type StepPlan, type StepWork, wantBest, workOf } from '@sluice/worker';
import type { LinearCost } from './machine.js';

/** A pass that was run, and what it took. */
export interface Measured {
  readonly work: StepWork;
  readonly passMs: number;
}

/** Shapes whose times tell the coefficients apart: rows, their context, prompt tokens, theirs. */
const shapesUpTo = (far: number) => [
  { decodes: 1, context: 64, chunk: 0 },
  { decodes: 1, context: far, chunk: 0 },
  { decodes: 8, context: 64, chunk: 0 },
  { decodes: 8, context: far, chunk: 0 },
  { decodes: 32, context: 64, chunk: 0 },
  { decodes: 32, context: far, chunk: 0 },
  { decodes: 0, context: 0, chunk: 32 },
  { decodes: 0, context: 0, chunk: 128 },
  { decodes: 0, context: 0, chunk: far },
  { decodes: 0, context: far, chunk: 128 },
  { decodes: 16, context: far >> 1, chunk: 128 },
  { decodes: 31, context: far >> 1, chunk: 64 },
];

/**
 * Runs passes of several shapes on a real model of at least 32 slots, each a few times, and keeps each shape's median.
 * About 15 s for a context of 640 tokens.
 */
export async function measurePasses(model: LaneModel, repeats: number): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  const { contextTokens, slotsMax } = model.limits;
  for (const { decodes, context, chunk } of shapesUpTo((3 * contextTokens) >> 2)) {
    const plan: StepPlan = {
      decodes: Array.from({ length: decodes }, (_, slot) => ({ slot, tokenId: 1, position: context, want: wantBest })),
      chunks:
        chunk === 0
          ? []
          : [
              {
                slot: slotsMax - 1,
                tokenIds: new Array<number>(chunk).fill(1),
                position: context,
                want: wantBest,
                wantTokens: 1,
              },
            ],
      resting: [],
    };
    const times: number[] = [];
    for (let i = -1; i < repeats; i++) {
      const startMs = performance.now();
      await model.forward(plan);
      if (i >= 0) times.push(performance.now() - startMs);
    }
    measured.push({ work: workOf(plan), passMs: times.sort((a, b) => a - b)[times.length >> 1]! });
  }
  return measured;
}

const SWEEPS = 20_000;

/** The coefficients, none below zero, whose relative errors have the least squares: by coordinate descent. */
export function fitCost(measured: readonly Measured[]): LinearCost {
  const rows = measured.map(({ work, passMs }) => features(work).map((value) => value / passMs));
  const coefficients = [1, 1, 1, 1, 1];
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const index of coefficients.keys()) {
      let slope = 0;
      let curvature = 0;
      for (const row of rows) {
        const error = 1 - row.reduce((sum, value, other) => sum + value * coefficients[other]!, 0);
        slope += error * row[index]!;
        curvature += row[index]! ** 2;
      }
      if (curvature > 0) coefficients[index] = Math.max(0, coefficients[index]! + slope / curvature);
    }
  }
  const [base, decode, context, prefill, pair] = coefficients as [number, number, number, number, number];
  return {
    baseMs: base,
    decodeMs: decode,
    decodeContextMs: context / 1_000,
    prefillTokenMs: prefill,
    prefillPairMs: pair / 1_000,
  };
}

/** Context and pairs by the thousand, so that the coefficients are of one size. */
function features({ decodes, decodeContext, prefillTokens, prefillPairs }: StepWork): number[] {
  return [1, decodes, decodeContext / 1_000, prefillTokens, prefillPairs / 1_000];
}
