import { describe, expect, it } from 'vitest';
import { greedySampling, type SamplingParams } from '../sequence.js';
import { LogitAdjustments } from './logit-adjustments.js';

describe('LogitAdjustments.adjust', () => {
  it('leaves every logit alone until a rule says otherwise', () => {
    const adjustments = after({ presencePenalty: 1, frequencyPenalty: 1 }, [4, 5], []);
    expect(adjustments.touched.size).toBe(0);
    expect(adjustments.adjust(4, 1.25)).toBe(1.25);
  });

  it('adds a bias, whether the token occurred or not', () => {
    const adjustments = after({ logitBias: new Map([[3, -2.5]]) }, [], [3]);
    expect(adjustments.adjust(3, 1)).toBe(-1.5);
    expect(adjustments.adjust(2, 1)).toBe(1);
  });

  it('takes presence once and frequency for every occurrence, of generated tokens only', () => {
    const adjustments = after({ presencePenalty: 0.5, frequencyPenalty: 0.25 }, [9], [7, 7, 7, 8]);
    expect(adjustments.adjust(7, 2)).toBe(2 - 0.5 - 3 * 0.25);
    expect(adjustments.adjust(8, 2)).toBe(2 - 0.5 - 0.25);
    expect(adjustments.adjust(9, 2)).toBe(2);
  });

  it('makes repetition of prompt and output less likely on both sides of zero', () => {
    const adjustments = after({ repetitionPenalty: 2 }, [1], [2]);
    for (const tokenId of [1, 2]) {
      expect(adjustments.adjust(tokenId, 3)).toBe(1.5);
      expect(adjustments.adjust(tokenId, -3)).toBe(-6);
    }
    expect(adjustments.adjust(3, 3)).toBe(3);
  });

  it('applies the bias first, then repetition, then presence and frequency', () => {
    const params = { logitBias: new Map([[1, 1]]), repetitionPenalty: 2, presencePenalty: 0.5, frequencyPenalty: 0.25 };
    expect(after(params, [], [1, 1]).adjust(1, 3)).toBe((3 + 1) / 2 - 0.5 - 2 * 0.25);
  });
});

describe('LogitAdjustments of held tokens', () => {
  it('gives them no chance until enough tokens have come, and leaves them alone then', () => {
    const held = { tokenIds: new Set([5, 6]), tokensMin: 2 };
    const adjustments = new LogitAdjustments({ ...greedySampling, logitBias: new Map([[5, 3]]) }, [], held);
    expect([...adjustments.touched]).toEqual([5, 6]);
    adjustments.addGenerated(9);
    expect([5, 6, 7].map((tokenId) => adjustments.adjust(tokenId, 1))).toEqual([-Infinity, -Infinity, 1]);
    adjustments.addGenerated(9);
    expect([5, 6, 7].map((tokenId) => adjustments.adjust(tokenId, 1))).toEqual([4, 1, 1]);
  });
});

describe('LogitAdjustments.touched', () => {
  it('names every token whose logit may change, and no other', () => {
    expect(touched({ logitBias: new Map([[5, 1]]) }, [1], [2])).toEqual([5]);
    expect(touched({ repetitionPenalty: 1.1 }, [1, 1], [2])).toEqual([1, 2]);
    expect(touched({ frequencyPenalty: 0.1 }, [1], [2, 2])).toEqual([2]);
  });
});

describe('LogitAdjustments.any', () => {
  it.each([
    ['nothing', {}, false],
    ['sampling alone', { temperature: 1, topK: 3, topP: 0.5, minP: 0.1 }, false],
    ['a bias', { logitBias: new Map([[1, 0]]) }, true],
    ['repetition', { repetitionPenalty: 0.9 }, true],
    ['presence', { presencePenalty: -1 }, true],
    ['frequency', { frequencyPenalty: 0.1 }, true],
  ])('tells whether parameters change logits: %s', (_, fields, expected) => {
    expect(LogitAdjustments.any({ ...greedySampling, ...fields })).toBe(expected);
  });
});

function after(fields: Partial<SamplingParams>, promptIds: number[], generatedIds: number[]): LogitAdjustments {
  const adjustments = new LogitAdjustments({ ...greedySampling, ...fields }, promptIds);
  for (const tokenId of generatedIds) adjustments.addGenerated(tokenId);
  return adjustments;
}

function touched(fields: Partial<SamplingParams>, promptIds: number[], generatedIds: number[]): number[] {
  return [...after(fields, promptIds, generatedIds).touched].sort((a, b) => a - b);
}
