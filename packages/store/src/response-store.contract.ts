import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResponseStore } from './response-store.js';
import type { StoreUnderTest } from './test-support/store-under-test.js';

/** What every ResponseStore promises. It keeps 3 responses, 100 bytes in all and 60 of one, for a second. */
export function responseStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name}, as a ResponseStore`, () => {
    let subject: StoreUnderTest;
    let responses: ResponseStore;
    const isKept = async (id: string): Promise<boolean> => (await responses.read(id, 'ann')).kind === 'found';

    beforeEach(async () => {
      subject = await open();
      responses = subject.store.responses;
    });

    afterEach(() => subject?.store.close());

    it('gives its owner what was kept, and the last of one id', async () => {
      expect(await responses.put('a', 'ann', 'ça')).toBe('kept');
      expect(await responses.read('a', 'ann')).toEqual({ kind: 'found', text: 'ça' });
      expect(await responses.put('a', 'ann', 'new')).toBe('kept');
      expect(await responses.read('a', 'ann')).toEqual({ kind: 'found', text: 'new' });
    });

    it('neither shows nor removes what is somebody else’s', async () => {
      await responses.put('a', 'ann', 'secret');
      expect(await responses.read('a', 'bob')).toEqual({ kind: 'unknown' });
      expect(await responses.remove('a', 'bob')).toBe('unknown');
      expect(await responses.read('a', '')).toEqual({ kind: 'unknown' });
      expect(await isKept('a')).toBe(true);
    });

    it('keeps for nobody in particular', async () => {
      await responses.put('a', '', 'open');
      expect(await responses.read('a', '')).toEqual({ kind: 'found', text: 'open' });
      expect(await responses.read('a', 'ann')).toEqual({ kind: 'unknown' });
    });

    it('forgets what is removed, and has its room again', async () => {
      await responses.put('a', 'ann', 'x'.repeat(60));
      expect(await responses.remove('a', 'ann')).toBe('removed');
      expect(await responses.remove('a', 'ann')).toBe('unknown');
      for (const id of ['b', 'c']) await responses.put(id, 'ann', 'x'.repeat(50));
      expect([await isKept('a'), await isKept('b'), await isKept('c')]).toEqual([false, true, true]);
    });

    it('says how much it keeps', async () => {
      expect(await responses.usage()).toEqual({ count: 0, bytes: 0 });
      await responses.put('a', 'ann', 'é'.repeat(10));
      await responses.put('b', 'bob', 'x'.repeat(30));
      expect(await responses.usage()).toEqual({ count: 2, bytes: 50 });
      await responses.put('b', 'bob', 'x');
      await responses.remove('a', 'ann');
      expect(await responses.usage()).toEqual({ count: 1, bytes: 1 });
      for (const id of ['c', 'd']) await responses.put(id, 'ann', 'x'.repeat(60));
      expect(await responses.usage()).toEqual({ count: 1, bytes: 60 });
    });

    it('does not keep one that is too large', async () => {
      expect(await responses.put('a', 'ann', 'é'.repeat(30))).toBe('kept');
      expect(await responses.put('b', 'ann', 'é'.repeat(31))).toBe('too_large');
      expect([await isKept('a'), await isKept('b')]).toEqual([true, false]);
    });

    it('lets the oldest go when there are too many', async () => {
      for (const id of ['a', 'b', 'c', 'd']) await responses.put(id, 'ann', id);
      expect(await isKept('a')).toBe(false);
      for (const id of ['b', 'c', 'd']) expect(await isKept(id)).toBe(true);
    });

    it('lets the oldest go when all together have too many bytes', async () => {
      await responses.put('a', 'ann', 'x'.repeat(40));
      await responses.put('b', 'ann', 'x'.repeat(40));
      await responses.put('c', 'ann', 'x'.repeat(50));
      expect([await isKept('a'), await isKept('b'), await isKept('c')]).toEqual([false, true, true]);
    });

    it('forgets a response some time after it was kept', async () => {
      await responses.put('a', 'ann', 'x'.repeat(60));
      await subject.pass(1_100);
      expect(await isKept('a')).toBe(false);
      expect(await responses.remove('a', 'ann')).toBe('unknown');
      // Its room is free again too.
      for (const id of ['b', 'c']) await responses.put(id, 'ann', 'x'.repeat(50));
      expect([await isKept('b'), await isKept('c')]).toEqual([true, true]);
    });
  });
}
