import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CostModel, type StepWork } from './cost-model.js';

/** What the file's `fields` name, in that order. */
type Pass = readonly [number, number, number, number, number, number];

const recorded = JSON.parse(readFileSync(new URL('./test-support/recorded-passes.json', import.meta.url), 'utf8')) as {
  readonly passes: readonly Pass[];
};

const ERROR_RATIO_MAX = 0.1;
/** Passes from which the promise holds. */
const LEARNT_AFTER = 200;

describe('CostModel, on recorded passes of the default model', () => {
  it('predicts half of the passes after the first 200 to within 10 %', () => {
    expect(errorRatioOver(1)).toBeLessThan(ERROR_RATIO_MAX);
  });

  it('does so on a machine that becomes half as fast on the way', () => {
    expect(errorRatioOver(2)).toBeLessThan(ERROR_RATIO_MAX);
  });

  it('has passes of every kind to learn from', () => {
    const mixed = recorded.passes.filter(([decodes, , , , chunks]) => decodes > 0 && chunks > 0);
    const decoding = recorded.passes.filter(([, , , , chunks]) => chunks === 0);
    expect(recorded.passes.length).toBe(420);
    expect(mixed.length).toBeGreaterThan(100);
    expect(decoding.length).toBeGreaterThan(40);
  });
});

/** @param slownessRatio by which every pass after the 100th takes longer than it was recorded. */
function errorRatioOver(slownessRatio: number): number {
  const model = new CostModel();
  const errors: number[] = [];
  for (const [index, [decodes, decodeContext, prefillTokens, prefillPairs, chunks, ms]] of recorded.passes.entries()) {
    const work: StepWork = { decodes, decodeContext, prefillTokens, prefillPairs, chunks, heaviestChunk: 0 };
    const actualMs = index < 100 ? ms : ms * slownessRatio;
    if (index >= LEARNT_AFTER) errors.push(Math.abs(model.predictMs(work) - actualMs) / actualMs);
    model.observe(work, actualMs);
  }
  return errors.sort((a, b) => a - b)[errors.length >> 1]!;
}
