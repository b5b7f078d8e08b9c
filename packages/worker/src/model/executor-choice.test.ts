import { describe, expect, it } from 'vitest';
import { type StepWork, workOf } from '../engine/cost-model.js';
import { type StepPlan, wantBest } from '../engine/step-plan.js';
import { ExecutorChoice, isRememberedChoice, type RememberedChoice } from './executor-choice.js';

const decodes = Array.from({ length: 16 }, (_, slot) => ({
  slot,
  tokenIds: [1],
  position: 100,
  want: wantBest,
  wantTokens: 1,
}));
const plan: StepPlan = { decodes, chunks: [], resting: [] };

/** Runs passes of one plan on a machine where each way takes so long; says how many of the last 100 were narrow. */
function narrowAmong100(choice: ExecutorChoice, wideMs: number, partMs: number): number {
  let narrow = 0;
  for (let pass = 0; pass < 200; pass++) {
    const parts = choice.choose(plan);
    if (parts === undefined) choice.observeWide(plan, wideMs);
    for (const { work } of parts ?? []) choice.observeNarrow(work, partMs);
    if (pass >= 100 && parts !== undefined) narrow += 1;
  }
  return narrow;
}

describe('ExecutorChoice.choose', () => {
  it('takes narrow executors where they are quicker, and looks now and then whether they still are', () => {
    expect(narrowAmong100(new ExecutorChoice('auto', 2), 40, 30)).toBeGreaterThanOrEqual(97);
    expect(narrowAmong100(new ExecutorChoice('auto', 2), 30, 40)).toBeLessThanOrEqual(3);
  });

  it('changes its mind when the machine does', () => {
    const choice = new ExecutorChoice('auto', 2);
    narrowAmong100(choice, 40, 30);
    for (let pass = 0; pass < 400; pass++) narrowAmong100(choice, 40, 45);
    expect(narrowAmong100(choice, 40, 45)).toBeLessThanOrEqual(3);
  });

  it('finds out for each kind of pass: two even chunks in parts, few rows or one long chunk as a whole', () => {
    const { run } = measuredMachine();
    const kinds = [passOf(1), passOf(4), passOf(64), passOf(0, 64, 64), passOf(16, 64, 64), passOf(4, 200)];
    for (let pass = 0; pass < 60; pass++) for (const kind of kinds) run(kind);
    const narrow = kinds.map((kind) => Array.from({ length: 50 }, () => run(kind)).filter(Boolean).length);
    const [alone, few, many, even, mixed, uneven] = narrow;
    for (const count of [many, even, mixed]) expect(count).toBeGreaterThanOrEqual(48);
    for (const count of [few, uneven]) expect(count).toBeLessThanOrEqual(2);
    expect(alone).toBe(0);
  });

  it('tries passes with chunks even if only decodes came for long', () => {
    const { run } = measuredMachine();
    for (let pass = 0; pass < 300; pass++) run(passOf(4));
    const tried = Array.from({ length: 16 }, () => run(passOf(4, 64, 64)));
    expect(tried.filter(Boolean)).toHaveLength(8);
  });

  it('tries no pass in parts of which one has nearly all', () => {
    const { run } = measuredMachine();
    expect(Array.from({ length: 40 }, () => run(passOf(2, 400)))).not.toContain(true);
  });

  it('runs a plan that cannot be shared out as a whole', () => {
    const alone = { ...plan, decodes: decodes.slice(0, 1) };
    for (const mode of ['auto', 'narrow'] as const) expect(new ExecutorChoice(mode, 2).choose(alone)).toBeUndefined();
  });

  it('does as it is told', () => {
    expect(new ExecutorChoice('wide', 2).choose(plan)).toBeUndefined();
    expect(new ExecutorChoice('narrow', 2).choose(plan)).toHaveLength(2);
    expect(new ExecutorChoice('auto', 1).choose(plan)).toBeUndefined();
  });
});

describe('ExecutorChoice.remembered', () => {
  /** Passes of a next start that ran in parts, one by one, on a machine where each way takes so long. */
  function next(choice: ExecutorChoice, wideMs: number, partMs: number, passes: number): boolean[] {
    const restored = new ExecutorChoice('auto', 2, JSON.parse(JSON.stringify(choice.remembered)));
    return Array.from({ length: passes }, () => {
      const parts = restored.choose(plan);
      if (parts === undefined) restored.observeWide(plan, wideMs);
      for (const { work } of parts ?? []) restored.observeNarrow(work, partMs);
      return parts !== undefined;
    });
  }

  function learntOn(wideMs: number, partMs: number): ExecutorChoice {
    const choice = new ExecutorChoice('auto', 2);
    narrowAmong100(choice, wideMs, partMs);
    return choice;
  }

  it.each([
    ['parts', 40, 30],
    ['the whole', 30, 40],
  ] as const)('spares the next start all but four trials where %s are quicker', (_, wideMs, partMs) => {
    const narrow = next(learntOn(wideMs, partMs), wideMs, partMs, 50);
    expect(narrow.slice(0, 4).filter(Boolean)).toHaveLength(2);
    expect(new Set(narrow.slice(4))).toEqual(new Set([partMs < wideMs]));
  });

  it.each([
    ['parts', 40, 30],
    ['the whole', 30, 40],
  ] as const)('is overruled within 10 passes where %s are not quicker any more', (_, wideMs, partMs) => {
    const narrow = next(learntOn(wideMs, partMs), partMs, wideMs, 50);
    expect(new Set(narrow.slice(10))).toEqual(new Set([wideMs < partMs]));
  });

  it('tries what was never tried', () => {
    const before = measuredMachine();
    for (let pass = 0; pass < 60; pass++) {
      for (const kind of [passOf(1), passOf(1, 64), passOf(4, 64, 64)]) before.run(kind);
    }
    const { run } = measuredMachine(JSON.parse(JSON.stringify(before.choice.remembered)));
    const tried = (kind: StepPlan) => Array.from({ length: 16 }, () => run(kind)).filter(Boolean);
    expect(tried(passOf(16))).toHaveLength(8);
    expect(tried(passOf(4, 64, 64))).toHaveLength(14);
  });

  it('is known from anything else', () => {
    const { remembered } = learntOn(40, 30);
    expect(isRememberedChoice(JSON.parse(JSON.stringify(remembered)))).toBe(true);
    for (const odd of [
      null,
      [],
      { ...remembered, wide: undefined },
      { ...remembered, narrow: remembered.trials },
      { ...remembered, trials: { chunks: -1, decodes: 3 } },
      { ...remembered, trials: { chunks: 1.5, decodes: 3 } },
      { ...remembered, trials: { chunks: 1e9, decodes: 3 } },
      { ...remembered, trials: undefined },
    ]) {
      expect(isRememberedChoice(odd)).toBe(false);
    }
  });
});

function passOf(rows: number, ...chunks: readonly number[]): StepPlan {
  const ids = (count: number) => new Array<number>(count).fill(1);
  return {
    decodes: Array.from({ length: rows }, (_, slot) => ({ ...decodes[0]!, slot })),
    chunks: chunks.map((tokens, index) => {
      return { slot: rows + index, tokenIds: ids(tokens), position: 0, want: undefined, wantTokens: 0 };
    }),
    resting: [],
  };
}

/**
 * Two cores and a model in `w8a8`, by what was measured there, milliseconds: 16 rows 34 on the wide executor and 34 in
 * halves, 64 rows 109 and 92, prompts of 64 and 64 tokens 119 and 93, all of it with 16 rows 144 and 114.
 */
function measuredMachine(remembered?: RememberedChoice) {
  const choice = new ExecutorChoice('auto', 2, remembered);
  const wideMs = ({ decodes, prefillTokens }: StepWork): number => 9.3 + 1.56 * decodes + 0.857 * prefillTokens;
  const partMs = ({ decodes, prefillTokens }: StepWork): number => 15.2 + 2.39 * decodes + 1.21 * prefillTokens;
  /** Whether the pass ran in parts. */
  const run = (plan: StepPlan): boolean => {
    const parts = choice.choose(plan);
    if (parts === undefined) choice.observeWide(plan, wideMs(workOf(plan, {})));
    for (const { work } of parts ?? []) choice.observeNarrow(work, partMs(work));
    return parts !== undefined;
  };
  return { choice, run };
}
