import { describe, expect, it } from 'vitest';
import type { StepCost } from '../cost-model.js';
import { chooseDrafts, type DraftRow, type DraftTerms } from './choose-drafts.js';

/** A base, and so much for each row. */
const costing = (baseMs: number, rowMs: number): StepCost => ({
  predictMs: ({ decodes }) => baseMs + rowMs * decodes,
  marginRatio: 1,
});
/** As one thinks of it: room for all, nobody waits, what drafts cost is known. */
const terms: DraftTerms = { tokensMax: 100, promptsWaiting: 0, isTrial: false };
/** Two cores and the default model: 13 ms for a row, 46 for 16. */
const twoCores = costing(10.8, 2.2);
const row = (...chances: number[]): DraftRow => ({ position: 100, chances });

describe('chooseDrafts', () => {
  it('takes drafts where a pass costs much and a row little', () => {
    expect(chooseDrafts([row(0.8, 0.8, 0.8)], costing(10, 1), terms)).toEqual([3]);
  });

  it('takes none that are hardly ever right, and as many as are likely enough', () => {
    expect(chooseDrafts([row(0.05, 0.9)], costing(10, 1), terms)).toEqual([0]);
    expect(chooseDrafts([row(0.8, 0.8, 0.05)], costing(10, 1), terms)).toEqual([2]);
  });

  it('takes none where rows cost as much as passes', () => {
    expect(chooseDrafts([row(0.9, 0.9)], costing(0.1, 1), terms)).toEqual([0]);
    expect(chooseDrafts(Array(32).fill(row(0.7)), costing(6, 1), terms)).toEqual(Array(32).fill(0));
  });

  it('takes all that is certain, and gives likely rows more than others', () => {
    expect(chooseDrafts([row(1, 1, 1), row(0.1), row()], costing(10, 1), terms)).toEqual([3, 0, 0]);
  });

  it('takes no more than fit into a pass, the likeliest first', () => {
    expect(chooseDrafts([row(0.8, 0.8), row(0.9, 0.9)], costing(50, 1), { ...terms, tokensMax: 3 })).toEqual([1, 2]);
    expect(chooseDrafts([row(0.8, 0.8)], costing(50, 1), { ...terms, tokensMax: 0 })).toEqual([0]);
  });

  it('tries some that are likely also where that seems too dear', () => {
    expect(chooseDrafts([row(0.6, 0.9, 0.9, 0.9)], costing(0.1, 1), { ...terms, isTrial: true })).toEqual([3]);
    expect(chooseDrafts([row(0.2, 0.9)], costing(0.1, 1), { ...terms, isTrial: true })).toEqual([0]);
  });

  it('takes all that is likely for a stream alone and for few', () => {
    expect(chooseDrafts([row(0.7, 0.7, 0.7)], twoCores, terms)).toEqual([3]);
    expect(chooseDrafts(Array(4).fill(row(0.8, 0.8)), twoCores, terms)).toEqual([2, 2, 2, 2]);
  });

  it('takes no guesses beside many streams, for whom a step would take half as long again', () => {
    const counts = chooseDrafts(Array(16).fill(row(0.95, 0.95, 0.95)), twoCores, terms);
    expect(counts).toEqual(Array(16).fill(0));
  });

  it('takes guesses beside many streams where rows cost them next to nothing', () => {
    const counts = chooseDrafts(Array(16).fill(row(0.7, 0.7)), costing(45, 0.1), terms);
    expect(counts).toEqual(Array(16).fill(2));
  });

  it('takes a guess for one stream among many sooner where the others have no idle rows beside it', () => {
    const rows = [row(0.95), ...Array(15).fill(row())];
    const cost = costing(44, 1.9);
    expect(chooseDrafts(rows, cost, terms)[0]).toBe(0);
    expect(chooseDrafts(rows, cost, { ...terms, decodesSpanSlots: false })[0]).toBe(1);
  });

  it('takes what is bound to come beside many streams, and no guesses on top', () => {
    const rows = [...Array(8).fill(row(1, 0.9)), ...Array(8).fill(row(0.9))];
    expect(chooseDrafts(rows, twoCores, terms)).toEqual([...Array(8).fill(1), ...Array(8).fill(0)]);
  });

  it('counts the prompts that wait for the step: the more there are, the fewer guesses', () => {
    const taken = [0, 1, 3, 12].map((promptsWaiting) =>
      chooseDrafts(Array(3).fill(row(0.9, 0.6)), twoCores, { ...terms, promptsWaiting }).reduce((a, b) => a + b),
    );
    expect(taken).toEqual([6, 6, 3, 0]);
  });
});
