import { describe, expect, it } from 'vitest';
import { seededRng } from './rng.js';

describe('seededRng', () => {
  it('gives the same numbers for the same seed and stream', () => {
    expect(draw(seededRng(42, 3), 20)).toEqual(draw(seededRng(42, 3), 20));
  });

  it('gives other numbers for another seed, another high half of it, or another stream', () => {
    const all = [seededRng(1), seededRng(2), seededRng(1 + 2 ** 40), seededRng(1, 1), seededRng(1, 2 ** 32 - 1)];
    expect(new Set(all.map((rng) => draw(rng, 4).join())).size).toBe(all.length);
  });

  it('stays in [0, 1) and reaches both ends', () => {
    const numbers = draw(seededRng(5), 100_000);
    expect(Math.min(...numbers.slice(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(numbers.some((number) => number < 0.001)).toBe(true);
    expect(numbers.some((number) => number > 0.999)).toBe(true);
    expect(numbers.every((number) => number < 1)).toBe(true);
  });

  it('draws every whole number below a bound, and no other', () => {
    const rng = seededRng(6);
    const seen = new Set(Array.from({ length: 1_000 }, () => rng.below(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(rng.below(1)).toBe(0);
    expect(rng.below(2 ** 32)).toBeLessThan(2 ** 32);
  });
});

function draw(rng: ReturnType<typeof seededRng>, count: number): number[] {
  return Array.from({ length: count }, () => rng.next());
}
