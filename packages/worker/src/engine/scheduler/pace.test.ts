import { describe, expect, it } from 'vitest';
import { arePressed, finelyPacedMs, PACED_SHARE, pacedMs } from './pace.js';
import { decoding } from './test-support/queues.js';

describe('pacedMs', () => {
  it('is three steps without prompts, or half of the shortest time between tokens', () => {
    expect(pacedMs(streams(200, 1_000), 10)).toBe(100);
    expect(pacedMs(streams(200, 1_000), 40)).toBe(120);
    expect(pacedMs(streams(20), 4)).toBe(12);
  });

  it('leaves prompts their share of it', () => {
    const decodesMs = 30;
    expect(pacedMs(streams(100), decodesMs) - decodesMs).toBeGreaterThanOrEqual(
      PACED_SHARE * pacedMs(streams(100), decodesMs) - 1e-9,
    );
  });
});

describe('finelyPacedMs', () => {
  it('is shorter the less a step costs by itself, and steps then cost three hundredths of the time more', () => {
    const times = [100, 20, 10, 5].map((baseMs) => {
      const fineMs = finelyPacedMs(streams(200), 5, baseMs);
      expect(baseMs / fineMs - baseMs / pacedMs(streams(200), 5)).toBeCloseTo(0.03, 9);
      return Math.round(fineMs);
    });
    expect(times).toEqual([97, 87, 77, 63]);
  });

  it('leaves prompts half of a step', () => {
    expect(finelyPacedMs(streams(100), 30, 0)).toBe(60);
  });

  it('is no shorter than a quarter of the time between two tokens, however cheap', () => {
    expect(finelyPacedMs(streams(200, 1_000), 5, 0)).toBe(50);
    expect(finelyPacedMs(streams(1_000), 5, 1)).toBe(250);
  });
});

describe('arePressed', () => {
  it('says whether three steps take longer than half of the time of the one that has least', () => {
    expect(arePressed(streams(200), 33)).toBe(false);
    expect(arePressed(streams(200), 34)).toBe(true);
    expect(arePressed(streams(200, 100), 17)).toBe(true);
  });
});

function streams(...tbtMs: number[]) {
  return tbtMs.map((one) => decoding(10, 3, { objectives: { ttftMs: 1_000, tbtMs: one } }));
}
