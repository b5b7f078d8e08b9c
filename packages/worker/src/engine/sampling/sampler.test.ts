import { seededRng } from '@sluice/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { greedySampling, type SamplingParams } from '../sequence.js';
import type { LogitsRow } from '../step-plan.js';
import { LogitAdjustments } from './logit-adjustments.js';
import { rank } from './pool.js';
import { logprobsOf, sampleToken, wantFor } from './sampler.js';

/** The grid of a seeded 32-bit random number. */
const DRAW_MAX = 1 - 2 ** -32;

describe('sampleToken', () => {
  it('chooses what a sampler over the whole row would choose, wherever the parameters restrict the choice', () => {
    fc.assert(
      fc.property(cases, restricted, draws, (drawn, params, draw) => {
        const { row, adjustments } = arrange(drawn, params);
        expect(naiveChoices(row, params, adjustments, draw)).toContain(sampleToken(row, params, adjustments, draw));
      }),
      { numRuns: 5_000 },
    );
  });

  it('gives every token its share of the draws where nothing restricts the choice', () => {
    const grid = 2_000;
    fc.assert(
      fc.property(cases, unrestricted, (drawn, params) => {
        const { row, adjustments } = arrange(drawn, params);
        const counts = new Float64Array(row.logits.length);
        for (let i = 0; i < grid; i++) counts[sampleToken(row, params, adjustments, (i + 0.5) / grid)]! += 1;
        const { tokenIds, weights } = naivePool(row, params, adjustments);
        const mass = weights.reduce((a, b) => a + b, 0);
        // A token's draws are one interval, so the grid misses at most one of them.
        for (const [index, tokenId] of tokenIds.entries()) {
          const share = (grid * weights[index]!) / mass;
          expect(Math.abs(counts[tokenId]! - share)).toBeLessThanOrEqual(1 + 1e-6);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is greedy at temperature 0, with and without penalties and biases', () => {
    fc.assert(
      fc.property(cases, adjusting, (drawn, penalties) => {
        const params = { ...greedySampling, ...penalties };
        const { row, adjustments } = arrange(drawn, params);
        expect(sampleToken(row, params, adjustments, 0.5)).toBe(naivePool(row, params, adjustments).tokenIds[0]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes the lowest id of equals when greedy', () => {
    const params = { ...greedySampling, presencePenalty: 1 };
    const row = rowOf([1, 3, 3, 2, 3], 5, [1]);
    const adjustments = new LogitAdjustments(params, []);
    expect(sampleToken(row, params, adjustments, 0)).toBe(1);
    adjustments.addGenerated(1);
    expect(sampleToken(row, params, adjustments, 0)).toBe(2);
  });

  it('finds the best token when penalties took every candidate', () => {
    const params = { ...greedySampling, logitBias: new Map([[1, -100]]) };
    const row = rowOf([1, 9, 2, 8], 1, [1]);
    expect(sampleToken(row, params, new LogitAdjustments(params, []), 0)).toBe(3);
  });

  it.each([0.01, 0.1, 1])(
    'always takes a token with a bias of +100 at temperature %d, by every rule',
    (temperature) => {
      const row = rowOf(hills(400), 128, [temperature]);
      for (const rule of [{}, { topK: 5 }, { topP: 0.9 }, { minP: 0.1 }]) {
        const params = { ...greedySampling, temperature, logitBias: new Map([[399, 100]]), ...rule };
        for (const draw of [0, 0.5, DRAW_MAX]) {
          expect(sampleToken(row, params, new LogitAdjustments(params, []), draw)).toBe(399);
        }
      }
    },
  );

  it('never takes a token with a bias of -100, even if it was nearly certain', () => {
    const logits = hills(400);
    logits[7] = 60;
    const row = rowOf(logits, 128, [1]);
    const params = { ...greedySampling, temperature: 1, logitBias: new Map([[7, -100]]) };
    for (let i = 0; i < 200; i++) {
      expect(sampleToken(row, params, new LogitAdjustments(params, []), i / 200)).not.toBe(7);
    }
  });

  it('reaches tokens that are no candidates: by a draw from the tail, a large top_k, and a wide top_p', () => {
    const row = rowOf(hills(400), 16, [1]);
    const known = new Set(row.candidates?.tokenIds);
    for (const rule of [{}, { topK: 300 }, { topP: 0.999 }, { minP: 1e-4 }]) {
      const params = { ...greedySampling, temperature: 1, ...rule };
      expect(known).not.toContain(sampleToken(row, params, undefined, 0.99));
      expect(known).toContain(sampleToken(row, params, undefined, 0.01));
    }
  });

  it('stays inside the vocabulary though the log-sum-exp has only 32 bits', () => {
    for (const temperature of [0.01, 0.1, 1]) {
      const exact = rowOf(hills(400), 128, [temperature]);
      const params = { ...greedySampling, temperature };
      for (const error of [-3e-4, 0, 3e-4]) {
        const row = { ...exact, logSumExps: exact.logSumExps.map((value) => value + error) };
        for (const draw of [0, DRAW_MAX]) {
          const tokenId = sampleToken(row, params, undefined, draw);
          const weight = Math.exp((row.logits[tokenId]! - row.logits[row.best]!) / temperature);
          expect(weight).toBeGreaterThan(1e-9);
        }
      }
    }
  });
});

describe('logprobsOf', () => {
  it("lists the model's own distribution, whatever temperature and penalties choose from", () => {
    const logits = hills(50);
    const params = { ...greedySampling, temperature: 0.7, presencePenalty: 2 };
    const want = wantFor(params, 5);
    const row = rowOf(logits, 20, want.temperatures);
    const logSumExp = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    const { tokenId, logprob, top } = logprobsOf(row, want, 33, 5);
    expect(tokenId).toBe(33);
    expect(logprob).toBeCloseTo(logits[33]! - logSumExp, 6);
    expect(top.map((one) => one.tokenId)).toEqual([...ranked(logits).subarray(0, 5)]);
    for (const one of top) expect(one.logprob).toBeCloseTo(logits[one.tokenId]! - logSumExp, 6);
  });

  it('lists no more than the candidates, and none where none is asked for', () => {
    const want = wantFor(greedySampling, 20);
    const row = rowOf(hills(50), 8, want.temperatures);
    expect(logprobsOf(row, want, 0, 20).top).toHaveLength(8);
    expect(logprobsOf(row, want, 0, 0).top).toEqual([]);
  });
});

describe('wantFor', () => {
  it('asks the model for nothing but the best token when nothing else is read', () => {
    expect(wantFor(greedySampling, undefined).temperatures).toEqual([]);
  });

  it.each([
    ['sampling', { temperature: 0.7 }, undefined, [0.7]],
    ['sampling with log-probabilities', { temperature: 0.7 }, 0, [0.7, 1]],
    ['sampling at 1 with log-probabilities', { temperature: 1 }, 3, [1]],
    ['greedy log-probabilities', {}, 0, [1]],
    ['greedy penalties', { frequencyPenalty: 0.1 }, undefined, [1]],
  ])('asks for one log-sum-exp per temperature: %s', (_, fields, logprobsTop, temperatures) => {
    expect(wantFor({ ...greedySampling, ...fields }, logprobsTop).temperatures).toEqual(temperatures);
  });
});

interface Case {
  readonly logits: readonly number[];
  readonly candidates: number;
  readonly promptIds: readonly number[];
  readonly generatedIds: readonly number[];
}

function arrange({ logits, candidates, promptIds, generatedIds }: Case, params: SamplingParams) {
  const row = rowOf(logits, Math.min(candidates, logits.length), [params.temperature || 1]);
  if (!LogitAdjustments.any(params)) return { row, adjustments: undefined };
  const adjustments = new LogitAdjustments(params, promptIds);
  for (const tokenId of generatedIds) adjustments.addGenerated(tokenId);
  return { row, adjustments };
}

/** A row as the model gives it: with its likeliest tokens, and log-sum-exps of 64 bits so that choices are comparable. */
function rowOf(values: readonly number[], candidates: number, temperatures: readonly number[]): LogitsRow {
  const logits = Float32Array.from(values);
  const tokenIds = ranked(logits).slice(0, candidates);
  const best = tokenIds[0]!;
  return {
    best,
    logits,
    candidates: { tokenIds, logits: Float32Array.from(tokenIds, (tokenId) => logits[tokenId]!) },
    logSumExps: temperatures.map((temperature) => {
      const highest = logits[best]! / temperature;
      return highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit / temperature - highest), 0));
    }),
  };
}

function ranked(logits: ArrayLike<number>): Int32Array {
  return Int32Array.from({ length: logits.length }, (_, tokenId) => tokenId).sort((a, b) =>
    rank(a, logits[a]!, b, logits[b]!),
  );
}

/** Logits like a language model's: a few tokens far above many small ones. */
function hills(count: number): number[] {
  const rng = seededRng(11);
  return Array.from({ length: count }, () => Math.fround(10 * rng.next() ** 6 - 2));
}

/** The oracle: all tokens after penalties, ranked, and what min_p, top_k and top_p leave of them. */
function naivePool(row: LogitsRow, params: SamplingParams, adjustments: LogitAdjustments | undefined) {
  const logits = Float64Array.from(row.logits, (logit, tokenId) => adjustments?.adjust(tokenId, logit) ?? logit);
  let tokenIds = [...ranked(logits)];
  const highest = logits[tokenIds[0]!]!;
  const weight = (tokenId: number): number => Math.exp((logits[tokenId]! - highest) / (params.temperature || 1));
  if (params.minP > 0) tokenIds = tokenIds.filter((tokenId) => weight(tokenId) >= params.minP);
  if (params.topK > 0) tokenIds = tokenIds.slice(0, params.topK);
  const target = params.topP * tokenIds.reduce((sum, tokenId) => sum + weight(tokenId), 0);
  let reached = 0;
  if (params.topP < 1) {
    tokenIds = tokenIds.filter((tokenId, index) => {
      const isKept = index === 0 || reached < target;
      reached += weight(tokenId);
      return isKept;
    });
  }
  return { tokenIds, weights: tokenIds.map(weight) };
}

/** The token at this draw; at the edge of two, and at the edge of a threshold, either. */
function naiveChoices(
  row: LogitsRow,
  params: SamplingParams,
  adjustments: LogitAdjustments | undefined,
  draw: number,
): number[] {
  const rounding = 1e-9;
  return [params.topP, params.topP - rounding, Math.min(1 - rounding, params.topP + rounding)].flatMap((topP) => {
    const { tokenIds, weights } = naivePool(row, { ...params, topP }, adjustments);
    const mass = weights.reduce((a, b) => a + b, 0);
    return [draw - rounding, draw, draw + rounding].map((edge) => {
      let reached = 0;
      for (const [index, tokenId] of tokenIds.entries()) {
        reached += weights[index]!;
        if (edge * mass < reached) return tokenId;
      }
      return tokenIds.at(-1)!;
    });
  });
}

const vocabularyMax = 60;
const token = fc.integer({ min: 0, max: vocabularyMax + 5 });
const logit = fc.oneof(
  // A grid, so that no two weights differ by less than rounding.
  fc.integer({ min: -12 * 1024, max: 12 * 1024 }).map((steps) => steps / 1024),
  // Ties, inside the candidates, across their edge and outside of them.
  fc.constantFrom(-3, 0, 0.5, 4),
);
const cases: fc.Arbitrary<Case> = fc.record({
  logits: fc.array(logit, { minLength: 1, maxLength: vocabularyMax }),
  candidates: fc.oneof(fc.constantFrom(1, 2, 8, 20), fc.constant(vocabularyMax)),
  promptIds: fc.array(token, { maxLength: 12 }),
  generatedIds: fc.array(token, { maxLength: 12 }),
});
const draws = fc.oneof(
  fc.double({ min: 0, max: DRAW_MAX, noNaN: true }),
  fc.constantFrom(0, 0.25, 0.5, 0.999_999, DRAW_MAX),
);
const adjusting = fc.oneof(
  fc.constant({ repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map<number, number>() }),
  fc.record({
    repetitionPenalty: fc.constantFrom(1, 1.3, 0.8),
    presencePenalty: fc.constantFrom(0, 0.7, -1.5),
    frequencyPenalty: fc.constantFrom(0, 0.4, 2),
    logitBias: fc
      .array(fc.tuple(token, fc.constantFrom(-100, -5, 0, 3.5, 100)), { maxLength: 6 })
      .map((entries) => new Map(entries)),
  }),
);
const temperature = fc.constantFrom(0.01, 0.1, 0.3, 1, 1.7, 5);
const unrestricted: fc.Arbitrary<SamplingParams> = fc
  .tuple(adjusting, temperature)
  .map(([penalties, temperature]) => ({ ...greedySampling, ...penalties, temperature }));
const restricted: fc.Arbitrary<SamplingParams> = fc
  .tuple(
    unrestricted,
    fc.record({
      topK: fc.constantFrom(0, 1, 2, 5, 20, 1000),
      topP: fc.constantFrom(1, 0.95, 0.5, 0.01),
      minP: fc.constantFrom(0, 0.02, 0.3, 1),
    }),
  )
  .map(([params, rules]) => ({ ...params, ...rules }))
  .filter(({ topK, topP, minP }) => topK > 0 || topP < 1 || minP > 0);
