import { systemClock } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { FreedMemory } from './freed-memory.js';

describe('FreedMemory', () => {
  it('is waited for three seconds a gigabyte, a minute at most, and not at all where there is none', async () => {
    let nowMs = 0;
    const after = (delayMs: number, callback: () => void): (() => void) => {
      nowMs += delayMs;
      callback();
      return () => {};
    };
    const memory = new FreedMemory({ ...systemClock(), nowMs: () => nowMs, after });
    const waitedMs = async (megabytes: number, meanwhileMs = 0): Promise<number> => {
      memory.add(megabytes);
      nowMs += meanwhileMs;
      const startMs = nowMs;
      await memory.gone();
      return nowMs - startMs;
    };
    await memory.gone();
    expect(nowMs).toBe(0);
    expect(await waitedMs(7_000)).toBe(21_000);
    expect(await waitedMs(7_000, 20_000)).toBe(1_000);
    expect(await waitedMs(500, 20_000)).toBe(0);
    expect(await waitedMs(100_000)).toBe(60_000);
    expect(await waitedMs(0)).toBe(0);
  });
});
