import { describe, expect, it } from 'vitest';
import { TokenTimes } from './token-times.js';

const objectives = { ttftMs: 500, tbtMs: 100 };

describe('TokenTimes', () => {
  it('holds the first token against the time since the submit', () => {
    for (const [atMs, isMet] of [
      [1_500, true],
      [1_501, false],
    ] as const) {
      const times = new TokenTimes(1_000, objectives);
      expect(times.isTtftMet).toBe(false);
      times.add(atMs);
      times.add(atMs + 50);
      expect(times.isTtftMet).toBe(isMet);
      expect(times.lastMs).toBe(atMs + 50);
    }
  });

  it('allows one gap in a hundred to be longer', () => {
    const times = new TokenTimes(0, objectives);
    let nowMs = 0;
    const add = (gapMs: number): boolean => {
      nowMs += gapMs;
      times.add(nowMs);
      return times.isTbtMet;
    };
    expect(add(400)).toBe(true);
    for (let gap = 1; gap < 100; gap++) expect(add(100)).toBe(true);
    expect(add(101)).toBe(true);
    expect(add(101)).toBe(false);
    for (let gap = 102; gap < 200; gap++) expect(add(10)).toBe(false);
    expect(add(10)).toBe(true);
  });
});
