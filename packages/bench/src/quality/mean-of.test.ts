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

  it('finds no more in values that only repeat their neighbours', () => {
    const values = Array.from({ length: 40 }, (_, index) => Math.sin(index));
    const repeated = values.flatMap((value) => [value, value, value, value]);
    expect(meanOf(repeated, 4).standardError).toBeCloseTo(meanOf(values).standardError, 12);
    expect(meanOf(repeated).standardError).toBeLessThan(0.6 * meanOf(values).standardError);
  });

  it('takes the mean of all values, those behind the last whole run too', () => {
    expect(meanOf([...Array.from({ length: 30 }, () => 0), 31], 3)).toEqual({ mean: 1, standardError: 0 });
  });

  it('takes shorter runs where there would be fewer than ten', () => {
    const values = Array.from({ length: 25 }, (_, index) => index % 7);
    expect(meanOf(values, 100)).toEqual(meanOf(values, 2));
  });
});
