import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MATCH_MAX, PromptLookup } from './prompt-lookup.js';

describe('PromptLookup.find', () => {
  it('goes on as the text did where it read the same', () => {
    const text = [7, 1, 2, 3, 4, 5, 6, 9, 1, 2, 3];
    expect(new PromptLookup(20).find(text, 3)).toEqual({ tokenIds: [4, 5, 6], matched: 3 });
  });

  it('takes the longest match, and of equals the latest', () => {
    const find = (text: number[]) => new PromptLookup(20).find(text, 1);
    expect(find([5, 1, 2, 8, 9, 1, 2, 7, 5, 1, 2])).toEqual({ tokenIds: [8], matched: 3 });
    expect(find([5, 1, 2, 8, 5, 1, 2, 7, 5, 1, 2])).toEqual({ tokenIds: [7], matched: 3 });
  });

  it('finds a token that was there before behind another one', () => {
    expect(new PromptLookup(20).find([4, 9, 8, 6, 9], 2)).toEqual({ tokenIds: [8, 6], matched: 1 });
  });

  it('goes on repeating where the text repeats itself', () => {
    expect(new PromptLookup(20).find([3, 1, 2, 1, 2], 5)).toEqual({ tokenIds: [1, 2, 1, 2, 1], matched: 2 });
  });

  it('finds nothing where nothing was there before, nor where nothing is wanted', () => {
    expect(new PromptLookup(20).find([1, 2, 3], 4)).toBeUndefined();
    expect(new PromptLookup(20).find([1], 4)).toBeUndefined();
    expect(new PromptLookup(20).find([], 4)).toBeUndefined();
    expect(new PromptLookup(20).find([1, 2, 1], 0)).toBeUndefined();
  });

  it('finds what a text is searched for from scratch, as the text grows', () => {
    const texts = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(texts, fc.array(fc.integer({ min: 1, max: 9 })), (text, steps) => {
        const growing = new PromptLookup(60);
        for (let end = 1, step = 0; end <= text.length; end += steps[step++] ?? 5) {
          const match = growing.find(text.slice(0, end), 3);
          expect(match).toEqual(new PromptLookup(60).find(text.slice(0, end), 3));
          if (match === undefined) continue;
          // What is proposed did follow so many equal tokens, or the text's own end.
          const places = [...Array(end - 1).keys()].filter((at) => {
            const from = at - match.matched + 1;
            return from >= 0 && text.slice(from, at + 1).join() === text.slice(end - match.matched, end).join();
          });
          expect(places.some((at) => text[at + 1] === match.tokenIds[0])).toBe(true);
          expect(match.matched).toBeLessThanOrEqual(MATCH_MAX);
        }
      }),
    );
  });
});
