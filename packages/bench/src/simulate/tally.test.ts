import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DELAY_MS_MAX, gapLimits, Tally } from './tally.js';

describe('Tally.isLost', () => {
  const times = fc.array(fc.record({ delayMs: fc.nat(2 * DELAY_MS_MAX), gapMs: fc.nat(101) }), {
    minLength: 1,
    maxLength: 300,
  });

  it('is true as soon as, and only when, the limits cannot hold at the end', () => {
    fc.assert(
      fc.property(times, (all) => {
        const tally = new Tally(all.length, [{ tbtMs: 100, gaps: all.length }]);
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
    const tally = new Tally(4, [{ tbtMs: 100, gaps: 100 }]);
    tally.addOverdue();
    tally.addDelay(DELAY_MS_MAX + 1, true);
    tally.addOverdue();
    expect(tally.isLost).toBe(false);
    tally.addOverdue();
    expect(tally.isLost).toBe(true);
  });
});

describe('Tally with several objectives', () => {
  const arrival = { at: 0, promptTokens: 8, outputTokens: 101 };
  const limits = gapLimits([{ ...arrival, tbtMs: 50 }, { ...arrival, tbtMs: 500 }, arrival], 50);

  it('counts the gaps that each will have', () => {
    expect(limits).toEqual([
      { tbtMs: 50, gaps: 200 },
      { tbtMs: 500, gaps: 100 },
    ]);
  });

  it('holds each request against its own', () => {
    const tally = new Tally(3, limits);
    tally.addDelay(0);
    const relaxed = tally.objectiveOf(500);
    for (let i = 0; i < 100; i++) tally.addGap(400, relaxed);
    for (let i = 0; i < 198; i++) tally.addGap(40);
    for (let i = 0; i < 2; i++) tally.addGap(60, tally.objectiveOf(undefined));
    expect(tally.isLost).toBe(false);
    expect(tally.result(1, 1, false)).toMatchObject({
      isWithin: true,
      gapsByObjective: [
        { tbtMs: 50, gapP99Ms: 40 },
        { tbtMs: 500, gapP99Ms: 400 },
      ],
    });
  });

  it('is lost when only one of them is', () => {
    const tally = new Tally(3, limits);
    for (let i = 0; i < 300; i++) tally.addGap(40);
    for (let i = 0; i < 2; i++) tally.addGap(501, tally.objectiveOf(500));
    expect(tally.isLost).toBe(true);
    expect(tally.result(1, 1, false)).toMatchObject({ isWithin: false, gapP99Ms: 501 });
  });
});
