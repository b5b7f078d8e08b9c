import { describe, expect, it } from 'vitest';
import { columnMaxima, smoothingFactors } from './smoothing.js';

describe('smoothingFactors', () => {
  it('takes from an input that stands out, in part, and gives to the others', () => {
    const [loud, quiet] = smoothingFactors(Float32Array.of(100, 1), Float32Array.of(1, 1));
    expect(loud).toBeGreaterThan(1);
    expect(100 / loud!).toBeGreaterThan(1 / quiet!);
    expect(100 / loud!).toBeLessThan(100);
  });

  it('leaves weights that stand out the smaller', () => {
    const [large, small] = smoothingFactors(Float32Array.of(1, 1), Float32Array.of(10, 1));
    expect(large).toBeLessThan(small!);
  });

  it('has a geometric mean of 1, channels that are always zero included', () => {
    const factors = smoothingFactors(Float32Array.of(5, 0, 0.1, 2), Float32Array.of(1, 3, 0, 0.5));
    const logarithms = factors.reduce((sum, factor) => sum + Math.log(factor), 0);
    expect(logarithms).toBeCloseTo(0, 5);
    expect(factors.every((factor) => factor > 0 && Number.isFinite(factor))).toBe(true);
  });
});

describe('columnMaxima', () => {
  it('finds the largest magnitude of each column', () => {
    expect([...columnMaxima(Float32Array.of(1, -2, 0, -4, 1, 0), 3)]).toEqual([4, 2, 0]);
  });
});
