import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rank } from './pool.js';
import { rankTokens } from './rank-tokens.js';

describe('rankTokens', () => {
  it('orders tokens as a comparison would, ties by id', () => {
    const logit = fc.oneof(
      fc.float({ noNaN: true }),
      fc.constantFrom(0, -0, 1, -1, 1.5, 2 ** -149, -(2 ** -149), Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    );
    fc.assert(
      fc.property(fc.array(fc.record({ logit, isListed: fc.boolean() }), { maxLength: 300 }), (entries) => {
        // As rows lie in a model's output: inside a larger buffer.
        const logits = Float32Array.from([0, 0, 0, ...entries.map((entry) => entry.logit)]).subarray(3);
        const ids = Int32Array.from(entries.keys()).filter((id) => entries[id]!.isListed);
        const expected = [...ids].sort((a, b) =>
          logits[a] === logits[b] ? a - b : rank(a, logits[a]!, b, logits[b]!),
        );
        expect([...rankTokens(ids, logits)]).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});
