import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantile, Samples } from './samples.js';

describe('quantile', () => {
  it.each([
    [[], 0.5, 0],
    [[7], 0.99, 7],
    [[4, 1, 3, 2], 0.5, 2],
    [[4, 1, 3, 2], 0.75, 3],
    [[4, 1, 3, 2], 1, 4],
  ])('of %j at %d is %d', (values, share, expected) => {
    expect(quantile(values, share)).toBe(expected);
  });
});

describe('Samples.quantile', () => {
  it('is what a sorted list would say, of any number of values and any share', () => {
    const values = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 3_000 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const samples = new Samples();
        for (const value of all) samples.add(value);
        const sorted = all.toSorted((a, b) => a - b);
        expect(samples.quantile(share)).toBe(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]);
        expect(samples.count).toBe(all.length);
      }),
    );
  });
});
