import { describe, expect, it } from 'vitest';
import { meanOf } from './mean-of.js';

describe('meanOf', () => {
  it('gives the mean and its standard error', () => {
    // Deviations -3, -1, 1, 3: a variance of 20 / 3, shared by four.
    const { mean, standardError } = meanOf([1, 3, 5, 7]);
    expect(mean).toBe(4);
    expect(standardError).toBeCloseTo(Math.sqrt(20 / 3 / 4), 12);
  });

  it('knows no error of a single value', () => {
    expect(meanOf([2])).toEqual({ mean: 2, standardError: Number.NaN });
  });
});
