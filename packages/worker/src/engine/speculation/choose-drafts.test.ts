import { describe, expect, it } from 'vitest';
import type { StepCost } from '../cost-model.js';
import { chooseDrafts, type DraftRow } from './choose-drafts.js';

/** A base, and so much for each row. */
const costing = (baseMs: number, rowMs: number): StepCost => ({
  predictMs: ({ decodes }) => baseMs + rowMs * decodes,
  marginRatio: 1,
});
const row = (...chances: number[]): DraftRow => ({ position: 100, chances });

describe('chooseDrafts', () => {
  it('takes drafts where a pass costs much and a row little', () => {
    expect(chooseDrafts([row(0.8, 0.8, 0.8)], costing(10, 1), 100, false)).toEqual([3]);
  });

  it('takes none that are hardly ever right, and as many as are likely enough', () => {
    expect(chooseDrafts([row(0.05, 0.9)], costing(10, 1), 100, false)).toEqual([0]);
    expect(chooseDrafts([row(0.8, 0.8, 0.05)], costing(10, 1), 100, false)).toEqual([2]);
  });

  it('takes none where rows cost as much as passes', () => {
    expect(chooseDrafts([row(0.9, 0.9)], costing(0.1, 1), 100, false)).toEqual([0]);
    expect(chooseDrafts(Array(32).fill(row(0.7)), costing(6, 1), 100, false)).toEqual(Array(32).fill(0));
  });

  it('takes all that is certain, and gives likely rows more than others', () => {
    expect(chooseDrafts([row(1, 1, 1), row(0.1), row()], costing(10, 1), 100, false)).toEqual([3, 0, 0]);
  });

  it('takes no more than fit into a pass, the likeliest first', () => {
    expect(chooseDrafts([row(0.8, 0.8), row(0.9, 0.9)], costing(50, 1), 3, false)).toEqual([1, 2]);
    expect(chooseDrafts([row(0.8, 0.8)], costing(50, 1), 0, false)).toEqual([0]);
  });

  it('tries some that are likely also where that seems too dear', () => {
    expect(chooseDrafts([row(0.6, 0.9, 0.9, 0.9)], costing(0.1, 1), 100, true)).toEqual([3]);
    expect(chooseDrafts([row(0.2, 0.9)], costing(0.1, 1), 100, true)).toEqual([0]);
  });
});
