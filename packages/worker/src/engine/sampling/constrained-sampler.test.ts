import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { greedySampling, type SamplingParams } from '../sequence.js';
import type { LogitsRow } from '../step-plan.js';
import { AllowedTokens } from './allowed-tokens.js';
import { sampleAllowed } from './constrained-sampler.js';
import { LogitAdjustments } from './logit-adjustments.js';

const VOCABULARY = 2_000;
const CANDIDATES = 40;
const rng = seededRng(7, 1);

describe('sampleAllowed', () => {
  const settings: Record<string, Partial<SamplingParams>> = {
    greedy: { temperature: 0 },
    'at temperature 1': {},
    'at temperature 0.3': { temperature: 0.3 },
    'with top_k': { topK: 5 },
    'with a top_k above the candidates': { topK: 100 },
    'with top_p': { topP: 0.7 },
    'with a top_p that wants many': { topP: 0.999 },
    'with min_p': { minP: 0.05 },
    'with all three': { topK: 30, topP: 0.9, minP: 0.01, temperature: 0.8 },
    'with penalties and bias': {
      repetitionPenalty: 1.3,
      presencePenalty: 0.5,
      frequencyPenalty: 0.2,
      logitBias: new Map([
        [3, 4],
        [5, -100],
      ]),
    },
    'greedy with penalties': { temperature: 0, repetitionPenalty: 1.5, logitBias: new Map([[8, 6]]) },
  };
  for (const [name, changes] of Object.entries(settings)) {
    it(`draws what a plain walk over the allowed tokens draws, ${name}`, () => {
      const params: SamplingParams = { ...greedySampling, temperature: 1, ...changes };
      for (const share of [0.001, 0.05, 0.3, 0.7, 0.99]) {
        for (let round = 0; round < 60; round++) {
          const row = randomRow(params.temperature, round % 3 === 0 ? 1 : 4);
          const allowed = allowedOf((tokenId) => rng.next() < share || tokenId === 17);
          const adjustments = LogitAdjustments.any(params) ? new LogitAdjustments(params, [1, 2, 3, 9]) : undefined;
          adjustments?.addGenerated(11);
          const draw = rng.next();
          const drawn = sampleAllowed(row, params, adjustments, allowed, draw);
          expect(plainly(row, params, adjustments, allowed, draw)).toContain(drawn);
        }
      }
    });
  }

  it('gives a held token where nothing else is allowed', () => {
    const held = { tokenIds: new Set([4]), tokensMin: 9 };
    for (const temperature of [0, 1]) {
      const params = { ...greedySampling, temperature };
      const adjustments = new LogitAdjustments(params, [], held);
      const row = randomRow(temperature, 1);
      expect(
        sampleAllowed(
          row,
          params,
          adjustments,
          allowedOf((id) => id === 4),
          0.5,
        ),
      ).toBe(4);
      expect(
        sampleAllowed(
          row,
          params,
          adjustments,
          allowedOf((id) => id === 4 || id === 9),
          0.5,
        ),
      ).toBe(9);
    }
  });
});

describe('AllowedTokens', () => {
  it('knows its tokens in every place of a word', () => {
    const words = Int32Array.from([1 | (1 << 31), 0, -1, 1 << 5]);
    const allowed = new AllowedTokens(words);
    const expected = [0, 31, ...Array.from({ length: 32 }, (_, bit) => 64 + bit), 101];
    expect([...allowed.ids(1_000)]).toEqual(expected);
    expect([...allowed.ids(70)]).toEqual(expected.filter((id) => id < 70));
    expect(allowed.count).toBe(expected.length);
    for (let id = 0; id < 200; id++) expect(allowed.has(id)).toBe(expected.includes(id));
  });
});

function allowedOf(isAllowed: (tokenId: number) => boolean): AllowedTokens {
  const words = new Int32Array(Math.ceil(VOCABULARY / 32));
  for (let id = 0; id < VOCABULARY; id++) if (isAllowed(id)) words[id >>> 5]! |= 1 << (id & 31);
  return new AllowedTokens(words);
}

function randomRow(temperature: number, spread: number): LogitsRow {
  const logits = Float32Array.from({ length: VOCABULARY }, () => spread * (rng.next() + rng.next() + rng.next()));
  const ranked = Int32Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const tokenIds = ranked.subarray(0, CANDIDATES);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit / (temperature || 1)), 0);
  return {
    best: ranked[0]!,
    logits,
    candidates: { tokenIds, logits: Float32Array.from(tokenIds, (id) => logits[id]!) },
    logSumExps: [Math.log(sum)],
  };
}

/** By the definitions, and what lies within a rounding of the draw. */
function plainly(
  row: LogitsRow,
  { temperature, minP, topK, topP }: SamplingParams,
  adjustments: LogitAdjustments | undefined,
  allowed: AllowedTokens,
  draw: number,
): Set<number> {
  let entries = [...row.logits.entries()]
    .filter(([id]) => allowed.has(id))
    .map(([id, logit]) => ({ id, logit: adjustments?.adjust(id, logit) ?? logit }))
    .sort((a, b) => b.logit - a.logit || a.id - b.id);
  if (temperature === 0) return new Set([entries[0]!.id]);
  const highest = entries[0]!.logit;
  const weighed = entries.map(({ id, logit }) => ({ id, logit, weight: Math.exp((logit - highest) / temperature) }));
  let kept = weighed.filter(({ weight }) => weight >= minP);
  if (topK > 0) kept = kept.slice(0, topK);
  if (topP < 1) {
    const target = topP * kept.reduce((total, { weight }) => total + weight, 0);
    let reached = 0;
    kept = kept.filter(({ weight }) => {
      const isIn = reached < target;
      reached += weight;
      return isIn;
    });
  }
  entries = kept;
  const mass = kept.reduce((total, { weight }) => total + weight, 0);
  const near = new Set<number>();
  // The tail of an unrestricted draw is in the order of ids, not of ranks: there only the share can be compared.
  let reached = 0;
  for (const { id, weight } of kept) {
    if (draw * mass > reached - 1e-4 * mass && draw * mass < reached + weight + 1e-4 * mass) near.add(id);
    reached += weight;
  }
  const isUnrestricted = minP === 0 && topK === 0 && topP === 1;
  const inCandidates = new Set(row.candidates!.tokenIds);
  if (isUnrestricted && [...near].some((id) => !inCandidates.has(id))) return new Set(kept.map(({ id }) => id));
  return near;
}
