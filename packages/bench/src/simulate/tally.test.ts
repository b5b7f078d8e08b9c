import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DELAY_MS_MAX, quantile, Tally } from './tally.js';

describe('Tally.isLost', () => {
  const times = fc.array(fc.record({ delayMs: fc.nat(2 * DELAY_MS_MAX), gapMs: fc.nat(101) }), {
    minLength: 1,
    maxLength: 300,
  });

  it('is true as soon as, and only when, the limits cannot hold at the end', () => {
    fc.assert(
      fc.property(times, (all) => {
        const tally = new Tally(all.length, all.length, 100);
        for (const { delayMs, gapMs } of all) {
          tally.addDelay(delayMs);
          tally.addGap(gapMs);
        }
        expect(tally.isLost).toBe(!tally.result(1, 1, false).isWithin);
      }),
    );
  });
});

describe('Tally.addOverdue', () => {
  it('knows that a limit is broken before those who wait have begun, and counts nobody twice', () => {
    const tally = new Tally(4, 100, 100);
    tally.addOverdue();
    tally.addDelay(DELAY_MS_MAX + 1, true);
    tally.addOverdue();
    expect(tally.isLost).toBe(false);
    tally.addOverdue();
    expect(tally.isLost).toBe(true);
  });
});

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
