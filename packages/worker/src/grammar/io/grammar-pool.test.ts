import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { GrammarPool, type GrammarPoolOptions } from './grammar-pool.js';

const builtThread = new URL('../../../dist/grammar/io/grammar-thread.js', import.meta.url);
const vocabulary = { spellings: ['a', 'b', 'ab', ''], vocabularyCount: 4, endTokenIds: [3] };
const good = { language: 'ebnf', text: 'root ::= "a" | "b"', field: 'constraint.grammar' } as const;
const bad = { ...good, text: 'root ::= other' };
/** More work than a millisecond. */
const slow = { ...good, text: `root ::= ${'('.repeat(6)}"a"${'{0,40})'.repeat(6)}` };

let pool: GrammarPool | undefined;
afterEach(() => pool?.close());

describe('GrammarPool.compile', () => {
  it('refuses grammars after it was closed', async () => {
    pool = poolOf();
    await pool.close();
    await expect(pool.compile(good)).rejects.toMatchObject({ code: 'draining' });
  });
});

describe.skipIf(!existsSync(builtThread))('GrammarPool on its thread (skipped before a build)', () => {
  it('gives the same memory as the calling thread, byte for byte, also behind a grammar that was refused', async () => {
    pool = poolOf({ threadUrl: builtThread });
    const here = new GrammarPool({ vocabulary, threadUrl: new URL('file:///nowhere/thread.js') });
    const outcomes = await Promise.all([pool.compile(bad), pool.compile(good), pool.compile(good)]);
    expect(outcomes[0]).toMatchObject({ kind: 'refused', reason: expect.stringContaining('"other" is not defined') });
    const own = await here.compile(good);
    for (const outcome of outcomes.slice(1)) expect(outcome).toEqual(own);
    expect(pool.waitingCount).toBe(0);
  });

  it('cuts off a grammar that takes too long', async () => {
    pool = poolOf({ threadUrl: builtThread, compileMsMax: 1 });
    await expect(pool.compile(slow)).rejects.toMatchObject({
      code: 'invalid_request',
      field: 'constraint.grammar',
    });
    expect(pool.waitingCount).toBe(0);
  });

  it('refuses more than may wait', async () => {
    pool = poolOf({ threadUrl: builtThread, waitingMax: 1 });
    const first = pool.compile(good);
    await expect(pool.compile(good)).rejects.toMatchObject({ code: 'queue_full' });
    expect((await first).kind).toBe('compiled');
  });
});

function poolOf(options: Partial<GrammarPoolOptions> = {}): GrammarPool {
  return new GrammarPool({ vocabulary, ...options });
}
