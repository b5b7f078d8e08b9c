import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { idleWorker, somePrompt } from '../test-support/worker-views.js';
import type { RoutingRequest, WorkerView } from './policy.js';
import { predictFirstTokenMs, ttft } from './ttft.js';

const rate = { prefillTokensPerSecond: 1000, decodeTokensPerSecond: 1000 };

describe('ttft', () => {
  const choose = (given: Partial<RoutingRequest>, ...view: WorkerView[]) =>
    ttft(seededRng(1)).choose(view, somePrompt({ promptTokens: 1000, ...given }));

  it('goes where the prompt is cached as long as waiting there costs less than computing it elsewhere', () => {
    const cachedTokens = new Map([['warm', 800]]);
    const warm = (prefillTokensWaiting: number) => idleWorker('warm', { ...rate, prefillTokensWaiting });
    expect(choose({ cachedTokens }, warm(700), idleWorker('cold', rate))).toBe('warm');
    expect(choose({ cachedTokens }, warm(900), idleWorker('cold', rate))).toBe('cold');
  });

  it('counts tokens by the time that the worker takes for them', () => {
    const fast = idleWorker('fast', { ...rate, prefillTokensPerSecond: 5000, prefillTokensWaiting: 3000 });
    const slow = idleWorker('slow', { ...rate, prefillTokensWaiting: 1000 });
    expect(choose({}, slow, fast)).toBe('fast');
  });

  it('counts what was sent and not yet reported like what waits', () => {
    const reported = idleWorker('reported', { ...rate, prefillTokensWaiting: 500 });
    const unreported = idleWorker('unreported', { ...rate, unreportedTokens: 700 });
    expect(choose({}, unreported, reported)).toBe('reported');
  });

  it('takes a worker that has measured nothing to be like the others', () => {
    const fresh = idleWorker('fresh', { prefillTokensWaiting: 100 });
    const known = idleWorker('known', { ...rate, prefillTokensPerSecond: 9000, prefillTokensWaiting: 2000 });
    expect(choose({}, known, fresh)).toBe('fresh');
  });

  it('avoids full memory, taken slots and decodes where prompts are equal', () => {
    const free = idleWorker('free', rate);
    expect(choose({ promptTokens: 10 }, idleWorker('full', { ...rate, kvTokensUsed: 3900 }), free)).toBe('free');
    expect(choose({ promptTokens: 10 }, idleWorker('no slot', { ...rate, running: 16 }), free)).toBe('free');
    expect(choose({ promptTokens: 1000 }, idleWorker('decoding', { ...rate, running: 15 }), free)).toBe('free');
  });

  it('sends prompts that begin alike to the same idle worker from every gateway, and others elsewhere', () => {
    const view = ['a', 'b', 'c', 'd'].map((id) => idleWorker(id, rate));
    const place = (seed: number) =>
      Array.from({ length: 40 }, (_, beginning) =>
        ttft(seededRng(seed)).choose(view, somePrompt({ promptTokens: 500, beginning })),
      );
    expect(place(2)).toEqual(place(1));
    expect(new Set(place(1)).size).toBe(4);
    const beginning = place(1).indexOf('a');
    const busy = view.map(({ id }) => idleWorker(id, { ...rate, prefillTokensWaiting: id === 'a' ? 400 : 0 }));
    expect(ttft(seededRng(1)).choose(busy, somePrompt({ promptTokens: 500, beginning }))).not.toBe('a');
  });

  it('spreads a prompt that nobody has over idle workers', () => {
    const policy = ttft(seededRng(1));
    const view = ['a', 'b', 'c', 'd'].map((id) => idleWorker(id, rate));
    const chosen = new Set(Array.from({ length: 100 }, () => policy.choose(view, somePrompt())));
    expect(chosen.size).toBe(4);
  });
});

describe('predictFirstTokenMs', () => {
  it('is the uncached prompt at the measured rate on an idle worker with much memory', () => {
    const idle = idleWorker('w', { ...rate, kvTokensMax: 1e9 });
    const request = somePrompt({ promptTokens: 600, cachedTokens: new Map([['w', 400]]) });
    expect(predictFirstTokenMs(idle, request)).toBeCloseTo(200, 0);
  });
});
