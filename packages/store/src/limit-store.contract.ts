import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LimitClaim, LimitStore } from './limit-store.js';
import type { StoreUnderTest } from './test-support/store-under-test.js';

const minuteMs = 60_000;

function claim(amount: number, fields: Partial<LimitClaim> = {}): LimitClaim {
  return { name: 'key:tokens', amount, amountMax: 1_000, windowMs: minuteMs, ...fields };
}

/** What every LimitStore promises. */
export function limitStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name}, as a LimitStore`, () => {
    let subject: StoreUnderTest;
    let limits: LimitStore;

    beforeEach(async () => {
      subject = await open();
      limits = subject.store.limits;
    });

    afterEach(() => subject?.store.close());

    it('grants up to the bound at once and says what is left', async () => {
      expect(await limits.reserve([claim(400)])).toMatchObject({ kind: 'granted', isLocal: false });
      const answer = await limits.reserve([claim(600)]);
      expect(answer.kind).toBe('granted');
      expect(answer.levels[0]?.remaining).toBeLessThan(50);
      expect(answer.levels[0]?.resetMs).toBeGreaterThan(minuteMs * 0.9);
    });

    it('refuses what is above it, names the limit and says when it would fit', async () => {
      await limits.reserve([claim(1_000)]);
      const answer = await limits.reserve([claim(500)]);
      expect(answer).toMatchObject({ kind: 'refused', name: 'key:tokens' });
      if (answer.kind !== 'refused') return;
      expect(answer.retryAfterMs).toBeGreaterThan(minuteMs * 0.4);
      expect(answer.retryAfterMs).toBeLessThanOrEqual(minuteMs / 2);
    });

    it('says that a claim above the bound will never fit', async () => {
      expect(await limits.reserve([claim(1_001)])).toMatchObject({ kind: 'refused', retryAfterMs: undefined });
    });

    it('takes all claims or none', async () => {
      const requests = claim(1, { name: 'key:requests', amountMax: 2 });
      await limits.reserve([claim(900)]);
      expect(await limits.reserve([requests, claim(900)])).toMatchObject({ kind: 'refused', name: 'key:tokens' });
      expect((await limits.reserve([{ ...requests, amount: 0 }])).levels[0]?.remaining).toBe(2);
    });

    it('forgets evenly what was used', async () => {
      const fast = { windowMs: 1_000 };
      await limits.reserve([claim(1_000, fast)]);
      expect((await limits.reserve([claim(900, fast)])).kind).toBe('refused');
      await subject.pass(500);
      expect((await limits.reserve([claim(400, fast)])).kind).toBe('granted');
    });

    it('gives back what was reserved and not used', async () => {
      await limits.reserve([claim(1_000)]);
      await limits.settle([{ ...claim(1_000), used: 300, isLocal: false }]);
      expect((await limits.reserve([claim(700)])).kind).toBe('granted');
      expect((await limits.reserve([claim(100)])).kind).toBe('refused');
    });

    it('takes what was used beyond the reservation, and then is owed', async () => {
      await limits.reserve([claim(100)]);
      await limits.settle([{ ...claim(100), used: 1_500, isLocal: false }]);
      const answer = await limits.reserve([claim(0)]);
      expect(answer).toMatchObject({ kind: 'refused', levels: [{ remaining: 0 }] });
    });

    it('keeps limits of different names apart', async () => {
      await limits.reserve([claim(1_000, { name: 'a' })]);
      expect((await limits.reserve([claim(1_000, { name: 'b' })])).kind).toBe('granted');
    });

    it('takes names of any length and with any characters', async () => {
      const long = 'someone }{ "ü" \n '.repeat(1_000);
      await limits.reserve([claim(1_000, { name: long })]);
      expect(await limits.reserve([claim(1, { name: long })])).toMatchObject({ kind: 'refused', name: long });
      expect((await limits.reserve([claim(1, { name: `${long}.` })])).kind).toBe('granted');
    });

    it('applies a new bound to what was used under the old one', async () => {
      await limits.reserve([claim(600)]);
      expect((await limits.reserve([claim(1, { amountMax: 500 })])).kind).toBe('refused');
      expect((await limits.reserve([claim(1_000, { amountMax: 2_000 })])).kind).toBe('granted');
    });

    it('never grants more than the bound to many who ask at once', async () => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => limits.reserve([claim(100)])));
      expect(answers.filter(({ kind }) => kind === 'granted')).toHaveLength(10);
    });

    it('grants no claims at all', async () => {
      expect(await limits.reserve([])).toMatchObject({ kind: 'granted', levels: [] });
    });
  });
}
