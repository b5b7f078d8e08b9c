import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrefixTree } from './prefix-tree.js';

describe('PrefixTree', () => {
  it('answers as a list of texts would, whatever was set and deleted before', () => {
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 40 }), texts, fc.nat(12), (history, asked, lengthMax) => {
        const tree = new PrefixTree();
        const naive = new Map<number, readonly number[]>();
        for (const { slot, text } of history) {
          if (text.length === 0) {
            tree.delete(slot);
            naive.delete(slot);
          } else {
            tree.set(slot, [...text, 99, 99], text.length);
            naive.set(slot, text);
          }
          expectSame(tree, naive, asked, lengthMax);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('matches inside a run, and up to where texts part', () => {
    const tree = new PrefixTree();
    tree.set(0, [1, 2, 3, 4], 4);
    tree.set(1, [1, 2, 5], 3);
    expect(tree.match([1, 2, 3, 9], 4)).toEqual({ tokens: 3, slots: new Set([0]) });
    expect(tree.match([1, 2, 5, 6], 4)).toEqual({ tokens: 3, slots: new Set([1]) });
    expect(tree.match([1, 2, 5, 6], 1)?.tokens).toBe(1);
    expect(tree.match([7], 1)).toBeUndefined();
    tree.delete(0);
    expect(tree.match([1, 2, 3, 9], 4)).toEqual({ tokens: 2, slots: new Set([1]) });
  });

  it('takes texts as long as a context', () => {
    const text = Array.from({ length: 200_000 }, (_, index) => index);
    const tree = new PrefixTree();
    tree.set(0, text, text.length);
    tree.set(1, [...text.slice(0, 150_000), -1], 150_001);
    tree.delete(1);
    expect(tree.match(text, text.length)?.tokens).toBe(200_000);
  });
});

const texts = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 10 });

/** An empty text is a deletion. */
const acts = fc.record({ slot: fc.nat(5), text: texts });

function expectSame(
  tree: PrefixTree,
  naive: ReadonlyMap<number, readonly number[]>,
  asked: readonly number[],
  lengthMax: number,
): void {
  const shared = (text: readonly number[]): number => {
    let tokens = 0;
    while (tokens < Math.min(text.length, asked.length, lengthMax) && text[tokens] === asked[tokens]) tokens++;
    return tokens;
  };
  const longest = Math.max(0, ...[...naive.values()].map(shared));
  const match = tree.match(asked, lengthMax);
  expect(match?.tokens ?? 0).toBe(longest);
  for (const slot of match?.slots ?? []) expect(shared(naive.get(slot)!)).toBe(longest);
  if (match !== undefined) expect(match.slots.size).toBeGreaterThan(0);

  const begins = (short: readonly number[], long: readonly number[]): boolean =>
    short.length <= long.length && short.every((token, index) => token === long[index]);
  for (const [slot, text] of naive) {
    const others = [...naive].filter(([other]) => other !== slot);
    expect(tree.isCovered(slot)).toBe(others.some(([, other]) => begins(text, other)));
    const beginnings = others.filter(([, other]) => other.length < text.length && begins(other, text));
    expect(tree.beginningsOf(slot).sort()).toEqual(beginnings.map(([other]) => other).sort());
  }
}
