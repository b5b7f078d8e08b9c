import { describe, expect, it } from 'vitest';
import { NormalEquations } from './normal-equations.js';

/** Coordinate descent from zero. */
function solve(equations: NormalEquations, count: number): Float64Array {
  const coefficients = new Float64Array(count);
  for (let sweep = 0; sweep < 200; sweep++) {
    for (let i = 0; i < count; i++) {
      coefficients[i] = coefficients[i]! + equations.slope(i, coefficients) / equations.curvature(i);
    }
  }
  return coefficients;
}

describe('NormalEquations', () => {
  it('is solved by what was observed, wherever it began', () => {
    const equations = new NormalEquations([1, 1], 0.01, 0.9);
    for (let x = 0; x < 100; x++) equations.add(Float64Array.of(1, x % 7), 5 + 3 * (x % 7), 1);
    const [base, slope] = solve(equations, 2);
    expect(base).toBeCloseTo(5, 3);
    expect(slope).toBeCloseTo(3, 3);
  });

  it('shares out between features that always come together in the proportions of the prior', () => {
    const equations = new NormalEquations([2, 1], 0.01, 0.99);
    for (let step = 0; step < 5; step++) equations.add(Float64Array.of(1, 1), 30, 1);
    const [first, second] = solve(equations, 2);
    expect(first! + second!).toBeCloseTo(30, 0);
    expect(first!).toBeGreaterThan(1.5 * second!);
  });

  it('forgets what is long ago', () => {
    const equations = new NormalEquations([1], 0.01, 0.5);
    equations.add(Float64Array.of(1), 100, 1);
    for (let step = 0; step < 20; step++) equations.add(Float64Array.of(1), 10, 1);
    expect(solve(equations, 1)[0]).toBeCloseTo(10, 3);
  });
});
