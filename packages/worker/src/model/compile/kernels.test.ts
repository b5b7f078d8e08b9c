import { BrokenAssertion } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { type Kernels, kvFor, ownMisfit } from './kernels.js';
import type { KvMode, KvWish } from './kv-format.js';
import { type WeightMode, weightModes } from './linear.js';

const sizes = { hidden: 576, heads: 9, kvHeads: 3, headDim: 64, feedForward: 1536 };
const either = [true, false];

describe('kvFor', () => {
  it.each<[KvWish, Kernels, readonly WeightMode[], readonly boolean[], KvMode]>([
    ['auto', 'own', ['w8a8'], [true], 'q8'],
    ['auto', 'own', ['w8a8'], [false], 'f16'],
    ['auto', 'own', ['f32', 'q8', 'q4'], either, 'f16'],
    ['auto', 'runtime', weightModes, either, 'f32'],
    ['q8', 'own', weightModes, either, 'q8'],
    ['q8', 'runtime', weightModes, either, 'q8'],
    ['f16', 'own', weightModes, either, 'f16'],
    ['f32', 'own', weightModes, either, 'f32'],
    ['f32', 'runtime', weightModes, either, 'f32'],
  ])(
    'makes of %s with %s kernels and weights in %j, byte products or not (%j), %s',
    (wish, kernels, weights, has, kv) => {
      for (const mode of weights) for (const one of has) expect(kvFor(wish, kernels, mode, one)).toBe(kv);
    },
  );

  it("leaves f16 with the runtime's kernels to who chooses kernels", () => {
    for (const mode of weightModes) {
      for (const one of either) expect(() => kvFor('f16', 'runtime', mode, one)).toThrow(BrokenAssertion);
    }
  });
});

describe('ownMisfit', () => {
  it('finds nothing wrong with models of the usual sizes', () => {
    expect(ownMisfit(sizes)).toBeUndefined();
    expect(ownMisfit({ hidden: 3072, heads: 32, kvHeads: 32, headDim: 96, feedForward: 8192 })).toBeUndefined();
  });

  it.each([
    [{ headDim: 72 }, 'heads of 72 channels must have a multiple of 16, at most 256'],
    [{ headDim: 272 }, 'heads of 272 channels must have a multiple of 16, at most 256'],
    [{ heads: 291 }, '97 heads that share keys must be at most 96'],
    [{ hidden: 570 }, 'a hidden size of 570 must be a multiple of 16'],
    [{ feedForward: 1552 }, 'a feed-forward size of 1552 must be a multiple of 32'],
  ])('says what own kernels cannot compute of %o', (odd, reason) => {
    expect(ownMisfit({ ...sizes, ...odd })).toBe(reason);
  });
});
