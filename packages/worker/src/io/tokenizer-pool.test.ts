import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { readGguf } from '../model/gguf/gguf-file.js';
import { writeGguf } from '../model/gguf/gguf-writer.js';
import { tinyTokenizer } from '../model/tiny-tokenizer.js';
import { readGgufTokenizer } from '../text/gguf-tokenizer.js';
import { createTokenizer } from '../text/tokenizer.js';
import { TokenizerPool, type TokenizerPoolOptions } from './tokenizer-pool.js';

const builtThread = new URL('../../dist/io/tokenizer-thread.js', import.meta.url);
const definition = readGgufTokenizer(await tinyMetadata());
const tokenizer = createTokenizer(definition);
const text = 'You and the others: \u{1F600} <|im_end|> 123. '.repeat(40);
const options = { special: true, begin: true };

let pool: TokenizerPool | undefined;
afterEach(() => pool?.close());

describe('TokenizerPool.encode', () => {
  it('encodes on the calling thread where there is no compiled thread', async () => {
    pool = poolOf({ threadUrl: new URL('file:///nowhere/thread.js') });
    expect(await pool.encode(text, options)).toEqual(tokenizer.encode(text, options));
  });

  it('refuses texts after it was closed', async () => {
    pool = poolOf();
    await pool.close();
    await expect(pool.encode('a', options)).rejects.toMatchObject({ code: 'draining' });
  });
});

describe.skipIf(!existsSync(builtThread))('TokenizerPool on its thread (skipped before a build)', () => {
  it('gives the same ids as the tokenizer, many texts at once, each its own', async () => {
    pool = poolOf({ threadUrl: builtThread });
    const texts = Array.from({ length: 20 }, (_, index) => `${index} ${text}`);
    const encoded = texts.map((one) => pool?.encode(one, options));
    expect(pool.waitingCount).toBe(20);
    expect(await Promise.all(encoded)).toEqual(texts.map((one) => tokenizer.encode(one, options)));
    expect(pool.waitingCount).toBe(0);
  });

  it('does not let the text wait for which it starts the thread, unless it is very long', async () => {
    pool = poolOf({ threadUrl: builtThread, firstUnitsMax: text.length });
    const first = pool.encode(text, options);
    expect(pool.waitingCount).toBe(0);
    const second = pool.encode(text, options);
    expect(pool.waitingCount).toBe(1);
    expect(await Promise.all([first, second])).toEqual([1, 2].map(() => tokenizer.encode(text, options)));
    await pool.close();
    pool = poolOf({ threadUrl: builtThread, firstUnitsMax: text.length - 1 });
    const long = pool.encode(text, options);
    expect(pool.waitingCount).toBe(1);
    expect(await long).toEqual(tokenizer.encode(text, options));
  });

  it('keeps short texts on the calling thread', async () => {
    pool = poolOf({ threadUrl: builtThread });
    const encoded = pool.encode('short', options);
    expect(pool.waitingCount).toBe(0);
    expect(await encoded).toEqual(tokenizer.encode('short', options));
  });

  it('refuses one text more than may be under way', async () => {
    pool = poolOf({ threadUrl: builtThread, waitingMax: 2 });
    const taken = [pool.encode(text, options), pool.encode(text, options)];
    await expect(pool.encode(text, options)).rejects.toThrow(/2 long prompts .* at most 2/);
    await Promise.all(taken);
    expect(await pool.encode(text, options)).toEqual(tokenizer.encode(text, options));
  });

  it('fails texts under way when it is closed', async () => {
    pool = poolOf({ threadUrl: builtThread });
    const encoded = pool.encode(text, options);
    const failed = expect(encoded).rejects.toMatchObject({ code: 'draining' });
    await pool.close();
    await failed;
  });

  it('fails texts of a thread that dies, and starts another', async () => {
    const deadly = new URL('data:text/javascript,process.exit(1)');
    const failing = poolOf({ threadUrl: deadly });
    pool = failing;
    await expect(failing.encode(text, options)).rejects.toMatchObject({ code: 'internal' });
    expect(failing.waitingCount).toBe(0);
    await expect(failing.encode(text, options)).rejects.toMatchObject({ code: 'internal' });
  });
});

function poolOf(more: Partial<TokenizerPoolOptions> = {}): TokenizerPool {
  return new TokenizerPool({ definition, tokenizer, firstUnitsMax: 0, ...more });
}

async function tinyMetadata() {
  const bytes = writeGguf({ metadata: tinyTokenizer(), tensors: [] });
  const source = {
    name: 'tiny.gguf',
    byteCount: bytes.length,
    read: (offset: number, count: number) => Promise.resolve(bytes.slice(offset, offset + count)),
    close: () => Promise.resolve(),
  };
  return (await readGguf(source)).metadata;
}
