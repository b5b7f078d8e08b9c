import { describe, expect, it } from 'vitest';
import { decideRestart } from './restart-policy.js';

const limits = { delayMsMin: 100, delayMsMax: 500, healthyMs: 1000, deathsMax: 5 };

describe('decideRestart', () => {
  it('waits longer after each death in a row, and gives up at the limit', () => {
    const decisions = [0, 1, 2, 3, 4].map((deathsBefore) => decideRestart(deathsBefore, 0, limits));
    expect(decisions).toEqual([
      { kind: 'restart', delayMs: 100, deaths: 1 },
      { kind: 'restart', delayMs: 200, deaths: 2 },
      { kind: 'restart', delayMs: 400, deaths: 3 },
      { kind: 'restart', delayMs: 500, deaths: 4 },
      { kind: 'give up', deaths: 5 },
    ]);
  });
  it('counts anew after a healthy life', () => {
    expect(decideRestart(4, 1000, limits)).toEqual({ kind: 'restart', delayMs: 100, deaths: 1 });
    expect(decideRestart(4, 999, limits).kind).toBe('give up');
  });
});
