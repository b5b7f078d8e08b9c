import { describe, expect, it } from 'vitest';
import { uniform } from './uniform.js';

/** Chi-square of 99 degrees of freedom exceeds this once in 10,000 times; the seeds are fixed, so it never does. */
const chiSquareMax = 161;

describe('uniform', () => {
  it('depends on seed and index alone, not on what was drawn before', () => {
    const forwards = Array.from({ length: 50 }, (_, index) => uniform(7, index));
    const backwards = Array.from({ length: 50 }, (_, index) => uniform(7, 49 - index)).reverse();
    expect(backwards).toEqual(forwards);
    expect(new Set(forwards).size).toBe(50);
  });

  it('is the same number on every machine', () => {
    const drawn = [uniform(0, 0), uniform(1, 0), uniform(0, 1), uniform(2 ** 53 - 1, 1000)];
    // From the same generator written in Python's unbounded integers.
    expect(drawn.map((value) => value * 2 ** 32)).toEqual([2_297_102_522, 3_098_314_226, 308_060_590, 1_787_928_570]);
  });

  it('uses every bit of a seed of up to 53 bits', () => {
    const seeds = Array.from({ length: 54 }, (_, bit) => 2 ** bit);
    expect(new Set(seeds.map((seed) => uniform(seed, 3))).size).toBe(seeds.length);
  });

  it.each([0, 1, 12345, 2 ** 40])('is uniform over the tokens of one sequence, seed %d', (seed) => {
    expect(chiSquare((index) => uniform(seed, index))).toBeLessThan(chiSquareMax);
  });

  it.each([0, 1, 500])('is uniform over the seeds 0, 1, 2, …, at token %d', (index) => {
    expect(chiSquare((seed) => uniform(seed, index))).toBeLessThan(chiSquareMax);
  });

  it('does not repeat itself between neighbouring seeds and tokens', () => {
    expect(chiSquare((i) => (uniform(i, i + 1) - uniform(i + 1, i) + 1) % 1)).toBeLessThan(chiSquareMax);
    expect(chiSquare((i) => (uniform(5, i + 1) - uniform(5, i) + 1) % 1)).toBeLessThan(chiSquareMax);
  });
});

/** Of 20,000 numbers over 100 equal bins. */
function chiSquare(draw: (index: number) => number): number {
  const expected = 200;
  const counts = new Float64Array(100);
  for (let index = 0; index < 100 * expected; index++) counts[Math.floor(draw(index) * 100)]! += 1;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
