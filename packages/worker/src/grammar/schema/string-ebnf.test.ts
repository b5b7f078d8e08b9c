import { describe, expect, it } from 'vitest';
import { GrammarCompiler } from '../compile-grammar.js';
import { GrammarCache } from '../grammar-cache.js';
import { createBinding } from '../io/grammar-library.js';
import { schemaEbnf } from './schema-ebnf.js';

/** As byte-level vocabularies spell them: `Ã©` are the two bytes of é. */
const tokens = ['a', '"', 'Ã©', 'Ã', '©', 'aaaa', 'a'.repeat(20), 'a"', 'aaaa",', '\\', 'Ċ', ','] as const;
const characters: Readonly<Record<string, number>> = { a: 1, ',': 1, 'Ã©': 1, aaaa: 4, [tokens[6]]: 20 };
const END = tokens.length;
const vocabulary = { spellings: [...tokens, ''], vocabularyCount: END + 1, endTokenIds: [END] };
const compiler = new GrammarCompiler(createBinding, vocabulary);

/** Which tokens may come behind the opening quote and so many characters, each of them an `a`. */
async function allowedBehind(schema: object, lengths: readonly number[]) {
  const compile = compiler.compile.bind(compiler);
  const clock = { nowMs: () => 0 };
  const parts = { compile, createBinding, vocabularyCount: END + 1, clock, forcedIds: undefined };
  const cache = new GrammarCache(parts);
  const guide = await cache.guideFor({ language: 'ebnf', text: schemaEbnf(schema), field: 'constraint.json_schema' });
  guide.accept(tokens.indexOf('"'));
  const allowed = new Map<number, readonly string[]>();
  for (let length = 0; length <= Math.max(...lengths); length += 1) {
    const next = lengths.includes(length) ? guide.allowed() : undefined;
    const names = tokens.filter((_, id) => next?.has(id));
    if (next !== undefined) allowed.set(length, names);
    guide.accept(tokens.indexOf('a'));
  }
  guide.dispose();
  return allowed;
}

/** What fits, by counting. */
function fitting(length: number, least: number, most: number): readonly string[] {
  return tokens.filter((token) => {
    const count = characters[token];
    if (count !== undefined) return length + count <= most;
    // The first byte of one more.
    if (token === 'Ã') return length < most;
    if (token === '"') return length >= least;
    return token === 'a"' && length + 1 >= least && length < most;
  });
}

const near = (...bounds: readonly number[]) =>
  [...new Set(bounds.flatMap((bound) => Array.from({ length: 46 }, (_, index) => bound - 23 + index)))].filter(
    (length) => length >= 0 && length <= Math.max(...bounds),
  );

describe('Strings of bounded length', () => {
  it.each([
    [0, 128],
    [0, 129],
    [1, 300],
    [127, 300],
    [129, 129],
    [140, 150],
    [1_000, 4_000],
    [0, 5_000],
  ])('of %d to %d characters go on with all tokens that fit and no others', async (least, most) => {
    const lengths = near(0, 128, least, most).filter((length) => length <= most);
    const allowed = await allowedBehind({ type: 'string', minLength: least, maxLength: most }, lengths);
    expect(allowed.size).toBe(lengths.length);
    for (const [length, found] of allowed) expect([length, found]).toEqual([length, fitting(length, least, most)]);
  });

  it('may have a least length alone', async () => {
    const lengths = near(0, 300);
    const allowed = await allowedBehind({ type: 'string', minLength: 300 }, lengths);
    for (const [length, found] of allowed) {
      expect([length, found]).toEqual([length, fitting(length, 300, Number.POSITIVE_INFINITY)]);
    }
  });
});
