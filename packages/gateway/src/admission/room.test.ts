import { describe, expect, it } from 'vitest';
import { idleWorker } from '../test-support/worker-views.js';
import { hasRoom } from './room.js';

describe('hasRoom', () => {
  it('always lets one wait at a worker, however much it has to do', () => {
    expect(hasRoom(idleWorker('a', { running: 16, prefillTokensWaiting: 1e9 }))).toBe(true);
  });

  it('lets no second one wait where all slots run', () => {
    expect(hasRoom(idleWorker('a', { running: 16, waiting: 1 }))).toBe(false);
    expect(hasRoom(idleWorker('a', { running: 16, unreportedRequests: 1 }))).toBe(false);
  });

  it('lets as much wait where slots are free as the worker computes in 5 s', () => {
    const busy = (tokens: number, rate: number) =>
      hasRoom(idleWorker('a', { waiting: 3, prefillTokensWaiting: tokens, prefillTokensPerSecond: rate }));
    expect(busy(9_999, 2_000)).toBe(true);
    expect(busy(10_000, 2_000)).toBe(false);
    expect(busy(4_999, 0)).toBe(true);
  });
});
