import { describe, expect, it } from 'vitest';
import type { StepPlan } from '../engine/step-plan.js';
import { LanePasses } from './lane-passes.js';

const executors = ['a', 'b', 'c'];

describe('LanePasses.begin', () => {
  it('gives each pass executors of its own, and has them back at its end', () => {
    const passes = new LanePasses<string>();
    const [streams, prompt] = [planOf([0, 2]), planOf([], [4])];
    expect(passes.begin(streams, executors, 2)).toEqual(['a', 'b']);
    expect(passes.begin(prompt, executors, 1)).toEqual(['c']);
    expect([streams, prompt].map((plan) => passes.executorsOf(plan))).toEqual([['a', 'b'], ['c']]);
    passes.end(streams);
    expect(passes.executorsOf(streams)).toEqual([]);
    expect(passes.plans).toEqual([prompt]);
    expect(passes.begin(planOf([0]), executors, 1)).toEqual(['a']);
    expect(passes.isEmpty).toBe(false);
  });

  it('gives no more executors than are free, and to one that wants all of them only when it is alone', () => {
    const passes = new LanePasses<string>();
    const prompt = planOf([], [4]);
    passes.begin(prompt, executors, 1);
    expect(() => passes.begin(planOf([0]), executors, 3)).toThrow('a pass wants 3 executors, and 2 are free');
    expect(() => passes.begin(planOf([0]), ['wide', ...executors])).toThrow('a pass wants 4 executors, and 3 are free');
    expect(() => passes.begin(planOf([0]), executors, 0)).toThrow('a pass wants 0 executors');
    passes.end(prompt);
    expect(passes.begin(planOf([0]), ['wide', ...executors])).toHaveLength(4);
  });

  it('refuses decodes beside decodes, and a chunk in the span of decodes that did not know of it', () => {
    const passes = new LanePasses<string>();
    passes.begin(planOf([1, 3]), executors, 1);
    expect(() => passes.begin(planOf([5]), executors, 1)).toThrow('one pass at a time has decodes');
    for (const slot of [1, 2, 3]) {
      expect(() => passes.begin(planOf([], [slot]), executors, 1)).toThrow(`slot ${slot} gets a chunk beside a pass`);
    }
    passes.begin(planOf([], [0]), executors, 1);
    passes.begin(planOf([], [4]), executors, 1);
  });

  it('lets a chunk begin between decodes where these write into no slots but their own', () => {
    const passes = new LanePasses<string>({ decodesSpanSlots: false });
    passes.begin(planOf([1, 3]), executors, 1);
    passes.begin(planOf([], [2]), executors, 1);
    for (const slot of [1, 2, 3]) {
      expect(() => passes.begin(planOf([], [slot]), executors, 1)).toThrow(`slot ${slot} gets a chunk beside a pass`);
    }
  });

  it('lets decodes begin around a chunk that is under way', () => {
    const passes = new LanePasses<string>();
    passes.begin(planOf([], [2]), executors, 1);
    expect(passes.begin(planOf([1, 3]), executors, 2)).toHaveLength(2);
  });
});

describe('LanePasses.assertStill', () => {
  it('refuses slots that a pass writes: those of chunks, and all from the first decode to the last', () => {
    const passes = new LanePasses<string>();
    const streams = planOf([1, 3]);
    passes.begin(streams, executors, 1);
    passes.begin(planOf([], [5]), executors, 1);
    for (const slot of [1, 2, 3, 5]) expect(() => passes.assertStill(slot)).toThrow(`slot ${slot} is copied beside`);
    for (const slot of [0, 4, 6]) passes.assertStill(slot);
    passes.end(streams);
    for (const slot of [1, 2, 3]) passes.assertStill(slot);
  });
});

function planOf(decodes: readonly number[], chunks: readonly number[] = []): StepPlan {
  const row = (slot: number) => ({ slot, tokenIds: [7, 8], position: 0, want: undefined, wantTokens: 0 });
  return { decodes: decodes.map(row), chunks: chunks.map(row), resting: [] };
}
