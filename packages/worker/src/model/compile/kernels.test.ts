import { describe, expect, it } from 'vitest';
import { kvBeside, kvFor, ownMisfit } from './kernels.js';

const sizes = { hidden: 576, heads: 9, kvHeads: 3, headDim: 64, feedForward: 1536 };

describe('kvFor', () => {
  it('takes the shortest that kernels are quick with, where nobody says otherwise', () => {
    expect(kvFor('auto', 'own', true)).toBe('q8');
    expect(kvFor('auto', 'own', false)).toBe('f16');
    expect(kvFor('auto', 'runtime', true)).toBe('f32');
    expect(kvFor('f16', 'own', true)).toBe('f16');
  });
});

describe('kvBeside', () => {
  it('keeps 8 bits beside 8-bit integers, or where they are asked for', () => {
    expect(kvBeside('w8a8', 'auto', 'q8')).toBe('q8');
    expect(kvBeside('q8', 'auto', 'q8')).toBe('f16');
    expect(kvBeside('f32', 'auto', 'q8')).toBe('f16');
    expect(kvBeside('q8', 'q8', 'q8')).toBe('q8');
    expect(kvBeside('q8', 'auto', 'f32')).toBe('f32');
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
    [{ feedForward: 1552 }, 'a feed-forward size of 1552 must be a multiple of 32, at most 32768'],
    [{ feedForward: 32_800 }, 'a feed-forward size of 32800 must be a multiple of 32, at most 32768'],
  ])('says what own kernels cannot compute of %o', (odd, reason) => {
    expect(ownMisfit({ ...sizes, ...odd })).toBe(reason);
  });
});
