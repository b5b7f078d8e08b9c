import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { feedbackOf, momentsBlock } from './input-moments.js';

describe('momentsBlock', () => {
  it.each([
    [64, 64],
    [576, 288],
    [1536, 256],
    [4096, 256],
  ])('cuts %i channels into blocks of %i', (columns, block) => {
    expect(momentsBlock(columns)).toBe(block);
  });
});

describe('feedbackOf', () => {
  it('is the upper factor of the inverse of the moments, block by block', () => {
    const rng = seededRng(1);
    const block = 6;
    const inputs = Array.from({ length: 40 }, () => Array.from({ length: block }, () => rng.next() - 0.5));
    const sums = new Float32Array(2 * block * block);
    for (const x of inputs) for (let i = 0; i < 36; i++) sums[36 + i]! += x[Math.floor(i / 6)]! * x[i % 6]!;
    const upper = feedbackOf({ block, sums }, 1);
    // (UᵀU) × moments is the unit matrix, but for the damping of a hundredth.
    for (let row = 0; row < block; row++) {
      for (let column = 0; column < block; column++) {
        let sum = 0;
        for (let k = 0; k < block; k++) {
          let inverse = 0;
          for (let i = 0; i < block; i++) inverse += upper[i * block + row]! * upper[i * block + k]!;
          sum += inverse * sums[36 + k * block + column]!;
        }
        expect(sum).toBeCloseTo(row === column ? 1 : 0, 1);
      }
    }
    expect(upper[1 * block + 0]).toBe(0);
  });

  it('leaves errors where they are for inputs that were always zero', () => {
    const upper = feedbackOf({ block: 3, sums: new Float32Array(9) }, 0);
    expect([...upper]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });
});
