import { ServingError } from '@sluice/shared';
import type { SequenceEvent } from '@sluice/worker';
import { describe, expect, it } from 'vitest';
import { GapWatch, LONG_ID } from './gap-watch.js';

const token = (id: string): SequenceEvent => ({
  kind: 'token',
  id,
  tokenId: 1,
  logprobs: undefined,
  cachedTokens: 0,
  timeliness: { isTtftMet: true, isTbtMet: true },
});

describe('GapWatch', () => {
  it('counts gaps before the prompt apart from those behind it, without the first tokens', () => {
    const watch = new GapWatch(2);
    for (const nowMs of [0, 50, 60, 75]) watch.add([token('a')], nowMs);
    watch.promptArrived(80);
    watch.add([token('a')], 95);
    watch.add([token('a'), token(LONG_ID)], 105);
    watch.add([token('a')], 505);
    expect(watch.beforeMs).toEqual({ p99: 15, max: 15 });
    expect(watch.afterMs).toEqual({ p99: 20, max: 20 });
    expect(watch.ttftMs).toBe(25);
  });

  it('counts the gap of a stream that stood still until the prompt was served', () => {
    const watch = new GapWatch(0);
    watch.add([token('a'), token('b')], 0);
    watch.promptArrived(1);
    watch.add([token(LONG_ID)], 1000);
    expect(watch.isOver).toBe(false);
    watch.add([token('a')], 1010);
    expect(watch.isOver).toBe(false);
    watch.add([token('b')], 1020);
    expect(watch.isOver).toBe(true);
    expect(watch.afterMs.max).toBe(1020);
  });

  it('does not wait for streams that ended', () => {
    const watch = new GapWatch(0);
    watch.add([token('a')], 0);
    watch.promptArrived(1);
    watch.add([{ kind: 'finished', id: 'a', reason: 'length', completionTokens: 1, timeliness: undefined }], 5);
    watch.add([token(LONG_ID)], 9);
    expect(watch.isOver).toBe(true);
  });

  it('throws what made a sequence fail', () => {
    const error = new ServingError('engine_failed', 'the pass failed');
    expect(() => new GapWatch(0).add([{ kind: 'failed', id: 'a', error }], 0)).toThrow(error);
  });
});
