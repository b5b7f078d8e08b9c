import { describe, expect, it } from 'vitest';
import { expOfNegative } from './exp-of-negative.js';

describe('expOfNegative', () => {
  it('is e^x to 12 digits from -40 to 0', () => {
    let worst = 0;
    for (let x = -40; x <= 0; x += 0.00137) worst = Math.max(worst, Math.abs(expOfNegative(x) / Math.exp(x) - 1));
    expect(worst).toBeLessThan(1e-12);
    expect(expOfNegative(0)).toBe(1);
  });

  it('is nothing where it is too small to count, and no number where it is given none', () => {
    expect(expOfNegative(-41)).toBe(0);
    expect(expOfNegative(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(expOfNegative(Number.NaN)).toBeNaN();
  });
});
