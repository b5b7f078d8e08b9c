import { describe, expect, it } from 'vitest';
import { type StepPlan, wantBest } from '../engine/step-plan.js';
import { ExecutorChoice } from './executor-choice.js';

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
