import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StepWork } from '../engine/cost-model.js';
import { keptTokens, type LogitsRow, type StepPlan, wantBest } from '../engine/step-plan.js';
import { joinOutputs, splitPlan } from './split-plan.js';

const costMs = ({ decodes, decodeContext, prefillTokens, prefillPairs }: StepWork): number =>
  3 + 2 * decodes + decodeContext / 500 + prefillTokens + prefillPairs / 1_000;

/** Any plan with up to five chunks, slots in any order. */
const plans = fc
  .record({
    slots: fc.uniqueArray(fc.nat(63), { maxLength: 40 }),
    chunks: fc.nat(5),
    sizes: fc.array(
      fc.record({
        position: fc.nat(400),
        tokens: fc.integer({ min: 1, max: 4 }),
        isWanted: fc.boolean(),
        stateTokens: fc.nat(3),
      }),
      { minLength: 40, maxLength: 40 },
    ),
  })
  .map(({ slots, chunks, sizes }): StepPlan => {
    const chunkSlots = slots.slice(0, chunks);
    const want = (isWanted: boolean, tokens: number) =>
      isWanted ? { want: wantBest, wantTokens: tokens } : { want: undefined, wantTokens: 0 };
    return {
      decodes: slots.slice(chunks).map((slot, index) => {
        const { position, tokens, isWanted } = sizes[index]!;
        return { slot, position, tokenIds: Array.from({ length: tokens }, () => 1), ...want(isWanted, tokens) };
      }),
      chunks: chunkSlots.map((slot, index) => {
        const { position, tokens, isWanted, stateTokens } = sizes[39 - index]!;
        const tokenIds = Array.from({ length: 20 * tokens }, () => 1);
        return { slot, position, tokenIds, ...want(isWanted, 1), stateTokens };
      }),
      resting: [],
    };
  });

/** As many rows as a plan wants, each known by its `best`. */
function rowsOf({ decodes, chunks }: StepPlan, numbers: readonly number[]): LogitsRow[] {
  const count = [...decodes, ...chunks].reduce((sum, { wantTokens }) => sum + wantTokens, 0);
  expect(numbers).toHaveLength(count);
  return numbers.map((best) => ({ best, logits: new Float32Array(), candidates: undefined, logSumExps: [] }));
}

describe('splitPlan', () => {
  it('gives every decode and chunk to one part, and to each as many chunks as it has room for', () => {
    fc.assert(
      fc.property(plans, fc.integer({ min: 2, max: 4 }), fc.integer({ min: 1, max: 3 }), (plan, count, chunksMax) => {
        const parts = splitPlan(plan, count, costMs, chunksMax) ?? [];
        fc.pre(parts.length > 0);
        expect(parts.length).toBeLessThanOrEqual(count);
        expect(new Set(parts.flatMap((part) => part.plan.decodes))).toEqual(new Set(plan.decodes));
        expect(new Set(parts.flatMap((part) => part.plan.chunks))).toEqual(new Set(plan.chunks));
        expect(parts.flatMap((part) => part.plan.decodes)).toHaveLength(plan.decodes.length);
        for (const part of parts) expect(part.plan.chunks.length).toBeLessThanOrEqual(chunksMax);
      }),
    );
  });

  it('lets no decode lane cover a slot that another part decodes', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const spans = (splitPlan(plan, 2, costMs, 3) ?? [])
          .map((part) => part.plan.decodes.map(({ slot }) => slot))
          .filter((slots) => slots.length > 0)
          .map((slots) => ({ first: Math.min(...slots), last: Math.max(...slots) }))
          .sort((a, b) => a.first - b.first);
        for (const [index, { first }] of spans.slice(1).entries()) expect(first).toBeGreaterThan(spans[index]!.last);
      }),
    );
  });

  it('puts the rows of parts where the whole plan has them', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const parts = splitPlan(plan, 2, costMs, 3);
        fc.pre(parts !== undefined);
        const outputs = parts.map((part) => ({ rows: rowsOf(part.plan, part.rows) }));
        const joined = joinOutputs(plan, parts, outputs).rows.map(({ best }) => best);
        expect(joined).toEqual(joined.map((_, row) => row));
        expect(joined).toHaveLength(rowsOf(plan, joined).length);
      }),
    );
  });

  it('puts the hidden states of parts in the packed order of the whole plan', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const parts = splitPlan(plan, 2, costMs, 3);
        fc.pre(parts !== undefined);
        // Two numbers a kept token, and all those of a decode or chunk the same: its slot.
        const hiddenOf = ({ decodes, chunks }: StepPlan) =>
          Float32Array.from([...decodes, ...chunks].flatMap((unit) => Array(2 * keptTokens(unit)).fill(unit.slot)));
        const outputs = parts.map((part) => ({ rows: [], hidden: hiddenOf(part.plan) }));
        expect(joinOutputs(plan, parts, outputs).hidden).toEqual(hiddenOf(plan));
      }),
    );
  });

  it('shares alike work out evenly', () => {
    const decode = (slot: number) => ({ slot, tokenIds: [1], position: 100, want: wantBest, wantTokens: 1 });
    const decodes = Array.from({ length: 16 }, (_, slot) => decode(slot));
    const parts = splitPlan({ decodes, chunks: [], resting: [] }, 2, costMs);
    expect(parts?.map(({ plan }) => plan.decodes.length)).toEqual([8, 8]);
  });

  it('gives each chunk to whoever has least, the longest first', () => {
    const chunk = (slot: number, tokens: number) => ({
      slot,
      tokenIds: Array.from({ length: tokens }, () => 1),
      position: 0,
      want: wantBest,
      wantTokens: 1,
    });
    const chunks = [20, 90, 30, 25].map((tokens, slot) => chunk(slot, tokens));
    const parts = splitPlan({ decodes: [], chunks, resting: [] }, 2, costMs, 4);
    const lengths = parts?.map(({ plan }) => plan.chunks.map(({ tokenIds }) => tokenIds.length));
    expect(lengths).toEqual([[90], [30, 25, 20]]);
  });

  it('gives decodes to the executor without a chunk first', () => {
    const want = { want: wantBest, wantTokens: 1 };
    const decodes = Array.from({ length: 4 }, (_, slot) => ({ slot, tokenIds: [1], position: 9, ...want }));
    const chunks = [{ slot: 9, tokenIds: Array.from({ length: 60 }, () => 1), position: 0, ...want }];
    const parts = splitPlan({ decodes, chunks, resting: [] }, 2, costMs);
    const shares = parts?.map(({ plan }) => [plan.chunks.length, plan.decodes.length]);
    expect(shares).toEqual([
      [1, 0],
      [0, 4],
    ]);
  });

  it('leaves alone what is one piece, and what has more chunks than executors', () => {
    const chunk = { tokenIds: [1, 2], position: 0, want: undefined, wantTokens: 0 };
    const chunks = [0, 1, 2].map((slot) => ({ slot, ...chunk }));
    expect(splitPlan({ decodes: [], chunks: chunks.slice(0, 1), resting: [] }, 2, costMs)).toBeUndefined();
    expect(splitPlan({ decodes: [], chunks, resting: [] }, 2, costMs)).toBeUndefined();
    expect(splitPlan({ decodes: [], chunks: [], resting: [] }, 2, costMs)).toBeUndefined();
  });
});
