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
  it('is two steps of the whole crowd', () => {
    expect(finelyPacedMs(streams(200), 6, { crowdMs: 8, prompts: 1 })).toBe(16);
    expect(finelyPacedMs(streams(200, 200), 6, { crowdMs: 8, prompts: 3 })).toBe(16);
  });

  it('is no shorter than where prompts have no time to spare while two of them wait for each stream', () => {
    expect(finelyPacedMs(streams(200), 6, { crowdMs: 8, prompts: 2 })).toBe(100);
    expect(finelyPacedMs(streams(200, 200), 6, { crowdMs: 8, prompts: 4 })).toBe(100);
  });

  it('is no longer than where prompts have no time to spare', () => {
    expect(finelyPacedMs(streams(200), 6, { crowdMs: 51, prompts: 1 })).toBe(100);
    expect(finelyPacedMs(streams(20), 4, { crowdMs: 10, prompts: 1 })).toBe(12);
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
