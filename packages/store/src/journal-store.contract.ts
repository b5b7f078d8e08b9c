import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalStore } from './journal-store.js';
import type { StoreUnderTest } from './test-support/store-under-test.js';

/** What every JournalStore promises. A stream keeps 100 bytes and expires after a second in it. */
export function journalStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name}, as a JournalStore`, () => {
    let subject: StoreUnderTest;
    let journals: JournalStore;

    beforeEach(async () => {
      subject = await open();
      journals = subject.store.journals;
    });

    afterEach(() => subject?.store.close());

    it('gives back entries from any index on', async () => {
      expect(await journals.append('s', 0, ['a', 'b'])).toBe('written');
      expect(await journals.append('s', 2, ['ç'])).toBe('written');
      expect(await journals.read('s', 1)).toEqual({
        kind: 'found',
        fromIndex: 1,
        entries: ['b', 'ç'],
        isEnded: false,
      });
      expect(await journals.read('s', 3)).toMatchObject({ kind: 'found', entries: [] });
    });

    it('changes nothing when an append is repeated, in part or in whole', async () => {
      await journals.append('s', 0, ['a', 'b']);
      expect(await journals.append('s', 0, ['a', 'b'])).toBe('written');
      expect(await journals.append('s', 1, ['b', 'c'])).toBe('written');
      expect(await journals.read('s', 0)).toMatchObject({ entries: ['a', 'b', 'c'] });
    });

    it('appends to many streams at once, each for itself', async () => {
      await journals.append('ended', 0, ['a']);
      await journals.end('ended');
      await journals.append('taken', 0, ['a']);
      await journals.take('taken');
      await journals.append('goes on', 0, ['a']);
      const to = (streamId: string, fromIndex: number, ...entries: string[]) => ({
        streamId,
        fromIndex,
        entries,
        term: 0,
      });
      const many = Array.from({ length: 150 }, (_, index) => to(`new ${index}`, 0, `first of ${index}`, 'é'));
      const outcomes = await journals.appendAll([
        to('ended', 1, 'b'),
        to('taken', 1, 'b'),
        to('goes on', 1, 'b', 'c'),
        to('gap', 1, 'b'),
        ...many,
      ]);
      expect(outcomes).toEqual(['ended', 'taken', 'written', 'gap', ...many.map(() => 'written')]);
      expect(await journals.read('goes on', 0)).toMatchObject({ entries: ['a', 'b', 'c'] });
      expect(await journals.read('new 149', 0)).toMatchObject({ entries: ['first of 149', 'é'] });
      expect(await journals.appendAll([])).toEqual([]);
    });

    it('refuses an append that would leave a gap', async () => {
      await journals.append('s', 0, ['a']);
      expect(await journals.append('s', 2, ['c'])).toBe('gap');
      expect(await journals.append('new', 1, ['b'])).toBe('gap');
      expect(await journals.read('s', 0)).toMatchObject({ entries: ['a'] });
    });

    it('lets only the last one who took a stream write', async () => {
      await journals.append('s', 0, ['a']);
      expect(await journals.take('s')).toEqual({ kind: 'taken', term: 1 });
      expect(await journals.append('s', 1, ['late'])).toBe('taken');
      expect(await journals.append('s', 1, ['b'], 1)).toBe('written');
      const terms = await Promise.all([journals.take('s'), journals.take('s')]);
      expect(terms.map((take) => (take.kind === 'taken' ? take.term : take.kind)).sort()).toEqual([2, 3]);
      for (const term of [0, 1, 2]) expect(await journals.append('s', 2, ['late'], term)).toBe('taken');
      expect(await journals.append('s', 2, ['c'], 3)).toBe('written');
      expect(await journals.read('s', 0)).toMatchObject({ entries: ['a', 'b', 'c'] });
    });

    it('gives nobody what was never written', async () => {
      expect(await journals.take('never')).toEqual({ kind: 'unknown' });
      expect(await journals.read('never', 0)).toEqual({ kind: 'unknown' });
    });

    it('takes nothing after the end, and says that it is the end with the last entries only', async () => {
      await journals.append('s', 0, ['a', 'b']);
      expect(await journals.end('s')).toBe(true);
      expect(await journals.append('s', 2, ['c'])).toBe('ended');
      expect(await journals.read('s', 0, 1)).toMatchObject({ entries: ['a'], isEnded: false });
      expect(await journals.read('s', 1, 1)).toMatchObject({ entries: ['b'], isEnded: true });
    });

    it('does not know what was never written, and does not end it', async () => {
      expect(await journals.read('never', 0)).toEqual({ kind: 'unknown' });
      expect(await journals.end('never')).toBe(false);
    });

    it('lets the oldest entries go when a stream is too long', async () => {
      const entry = 'é'.repeat(20);
      for (let index = 0; index < 5; index++) await journals.append('s', index, [entry]);
      expect(await journals.read('s', 2)).toEqual({ kind: 'trimmed', firstIndex: 3 });
      expect(await journals.read('s', 3)).toMatchObject({ entries: [entry, entry] });
      expect(await journals.append('s', 5, ['next'])).toBe('written');
      expect(await journals.read('s', 5)).toMatchObject({ entries: ['next'] });
    });

    it('forgets a stream some time after its last entry', async () => {
      await journals.append('s', 0, ['a']);
      await subject.pass(400);
      await journals.append('s', 1, ['b']);
      expect(await journals.read('s', 0)).toMatchObject({ kind: 'found' });
      await subject.pass(1_100);
      expect(await journals.read('s', 0)).toEqual({ kind: 'unknown' });
    });

    it('forgets a stream at once when it is told to', async () => {
      await journals.append('s', 0, ['a']);
      await journals.remove('s');
      expect(await journals.read('s', 0)).toEqual({ kind: 'unknown' });
    });
  });
}
