import { memoryStore } from '@sluice/store';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test-support/manual-clock.js';
import { anybody, type Caller } from './caller.js';
import { reserveLimits } from './rate-limits.js';

const caller: Caller = { ...anybody, name: 'alice', requestsPerMinute: 3, tokensPerMinute: 1_000 };

function limits(clock = new ManualClock()) {
  return { clock, limits: memoryStore(clock).limits };
}

describe('reserveLimits', () => {
  it('asks for nothing where the caller has no limits', async () => {
    const { limits: store } = limits();
    expect((await reserveLimits(store, anybody, 1e9)).headers).toEqual({});
  });

  it('tells the limits and what is left in OpenAI’s headers', async () => {
    const { limits: store } = limits();
    const { headers } = await reserveLimits(store, caller, 400);
    expect(headers).toMatchObject({
      'x-ratelimit-limit-requests': '3',
      'x-ratelimit-remaining-requests': '2',
      'x-ratelimit-limit-tokens': '1000',
      'x-ratelimit-remaining-tokens': '600',
      'x-ratelimit-reset-tokens': '24s',
    });
  });

  it('refuses beyond the limit, reserves nothing then, and says when it fits', async () => {
    const { clock, limits: store } = limits();
    await reserveLimits(store, caller, 800);
    const refused = reserveLimits(store, caller, 500);
    await expect(refused).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 18_000 });
    await expect(refused).rejects.toThrow(
      'tokens per minute: at most 1000 with these credentials; this request reserves 500',
    );
    clock.advance(18_000);
    await expect(reserveLimits(store, caller, 500)).resolves.toBeDefined();
  });

  it('gives back what was reserved and not used', async () => {
    const { limits: store } = limits();
    const reservation = await reserveLimits(store, caller, 900);
    await reservation.settle(100);
    await expect(reserveLimits(store, caller, 900)).resolves.toBeDefined();
  });

  it('says so when a request can never fit', async () => {
    const { limits: store } = limits();
    await expect(reserveLimits(store, caller, 1_001)).rejects.toThrow('which never fits');
  });

  it('keeps callers apart', async () => {
    const { limits: store } = limits();
    await reserveLimits(store, caller, 1_000);
    await expect(reserveLimits(store, { ...caller, name: 'bob' }, 1_000)).resolves.toBeDefined();
  });
});
