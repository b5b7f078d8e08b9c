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
  it('is where streams and prompts together wait least', () => {
    const [decodesMs, prompts] = [10, { count: 6, workMs: 300 }];
    const four = streams(200, 200, 200, 200);
    const waitMs = (stepMs: number): number =>
      (prompts.count * prompts.workMs * decodesMs) / stepMs + 2.5 * four.length * stepMs;
    const fineMs = finelyPacedMs(four, decodesMs, prompts);
    expect(fineMs).toBeGreaterThan(25);
    expect(fineMs).toBeLessThan(pacedMs(four, decodesMs));
    expect(waitMs(fineMs)).toBeLessThan(waitMs(fineMs - 1));
    expect(waitMs(fineMs)).toBeLessThan(waitMs(fineMs + 1));
  });

  it('is as long as it may be where many prompts wait for few streams', () => {
    expect(finelyPacedMs(streams(200), 6, { count: 15, workMs: 1_400 })).toBe(100);
  });

  it('leaves prompts half of a step', () => {
    expect(finelyPacedMs(streams(100), 30, { count: 1, workMs: 1 })).toBe(60);
  });

  it('is no shorter than an eighth of the time between two tokens, however few prompts', () => {
    expect(finelyPacedMs(streams(200, 1_000), 5, { count: 1, workMs: 1 })).toBe(25);
    expect(finelyPacedMs(streams(1_000), 5, { count: 1, workMs: 1 })).toBe(125);
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
