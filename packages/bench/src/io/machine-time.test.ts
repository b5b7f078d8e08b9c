import { describe, expect, it } from 'vitest';
import { parseMachineTime } from './machine-time.js';

describe('parseMachineTime', () => {
  it('adds what the CPUs did, and counts guests once', () => {
    const text = 'cpu  100 10 20 1000 5 1 2 7 50 3\ncpu0 100 10 20 1000 5 1 2 7 50 3\n';
    expect(parseMachineTime(text)).toEqual({ totalMs: 11_450, busyMs: 1_330, stolenMs: 70 });
  });

  it('has no answer where the system counts otherwise', () => {
    expect(parseMachineTime('intr 12')).toBeUndefined();
  });
});
