import { describe, expect, it } from 'vitest';
import { decideRestart } from './restart-policy.js';

const limits = { delayMsMin: 100, delayMsMax: 500, healthyMs: 1000, deathsMax: 5, deathsMaxAtStart: 2 };

describe('decideRestart', () => {
  it('waits longer after each death in a row, and gives up at the limit', () => {
    const decisions = [0, 1, 2, 3, 4].map((deathsBefore) =>
      decideRestart({ deathsBefore, servedMs: 0, hasServed: true }, limits),
    );
    expect(decisions).toEqual([
      { kind: 'restart', delayMs: 100, deaths: 1 },
      { kind: 'restart', delayMs: 200, deaths: 2 },
      { kind: 'restart', delayMs: 400, deaths: 3 },
      { kind: 'restart', delayMs: 500, deaths: 4 },
      { kind: 'give up', deaths: 5 },
    ]);
  });
  it('counts anew after a healthy life', () => {
    const life = { deathsBefore: 4, hasServed: true };
    expect(decideRestart({ ...life, servedMs: 1000 }, limits)).toEqual({ kind: 'restart', delayMs: 100, deaths: 1 });
    expect(decideRestart({ ...life, servedMs: 999 }, limits).kind).toBe('give up');
  });
  it('has less patience with a child that has never served', () => {
    expect(decideRestart({ deathsBefore: 0, servedMs: 0, hasServed: false }, limits).kind).toBe('restart');
    expect(decideRestart({ deathsBefore: 1, servedMs: 0, hasServed: false }, limits).kind).toBe('give up');
  });
});
