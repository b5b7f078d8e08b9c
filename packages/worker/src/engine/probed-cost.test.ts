import { describe, expect, it } from 'vitest';
import { CostModel, noWork, type StepWork, withChunk, withDecode } from './cost-model.js';
import { probedCost } from './probed-cost.js';
import { areRememberedCosts } from './remembered-cost.js';

/** Milliseconds of the default model with own kernels in tiles on two cores, as it was measured. */
const tiles = ({ decodes, decodeContext, prefillTokens, prefillPairs }: StepWork): number =>
  6.4 + 0.25 * decodes + 6.5e-4 * decodeContext + 0.107 * prefillTokens + 2.5e-4 * prefillPairs;

function rowsAt(context: number, count: number): StepWork {
  return Array.from({ length: count }).reduce<StepWork>((work) => withDecode(work, context), noWork);
}

const passes = [rowsAt(0, 1), withChunk(noWork, 0, 64), rowsAt(64, 16), withChunk(rowsAt(64, 8), 0, 64)];

function costFrom(ms: readonly number[]): CostModel {
  return new CostModel(1, probedCost(ms.map((one, index) => ({ work: passes[index]!, ms: one }))));
}

describe('probedCost', () => {
  it('knows what passes of another kind take', () => {
    const cost = costFrom(passes.map(tiles));
    for (const work of [rowsAt(300, 64), withChunk(noWork, 0, 256), withChunk(rowsAt(500, 32), 300, 100)]) {
      expect(Math.abs(cost.predictMs(work) / tiles(work) - 1)).toBeLessThan(0.1);
    }
  });

  it('takes all for slower or faster where only one pass was measured', () => {
    const cost = costFrom([30 * new CostModel().predictMs(passes[0]!)]);
    for (const work of passes) expect(cost.predictMs(work) / new CostModel().predictMs(work)).toBeCloseTo(30, 6);
  });

  it.each([0, 1, 2, 3])('is not far off anywhere where pass %i was disturbed', (disturbed) => {
    const cost = costFrom(passes.map((work, index) => tiles(work) * (index === disturbed ? 1.5 : 1)));
    for (const work of [...passes, rowsAt(300, 64), withChunk(noWork, 0, 256), withChunk(rowsAt(300, 16), 700, 100)]) {
      expect(cost.predictMs(work) / tiles(work)).toBeGreaterThan(0.4);
      expect(cost.predictMs(work) / tiles(work)).toBeLessThan(2);
    }
  });

  it('gives way to the first steps where it is wrong', () => {
    const cost = costFrom(passes.map((work) => 2 * tiles(work)));
    for (let step = 0; step < 15; step++) {
      const rows = rowsAt(200 + step, 4 * step);
      const work = step % 3 === 2 ? rows : withChunk(rows, 0, 60 + step);
      cost.observe(work, tiles(work));
    }
    for (const work of [rowsAt(250, 60), withChunk(rowsAt(250, 60), 0, 70)]) {
      expect(Math.abs(cost.predictMs(work) / tiles(work) - 1)).toBeLessThan(0.2);
    }
  });

  it('takes nothing for free, though more work took less time', () => {
    const whole = probedCost(passes.map((work, index) => ({ work, ms: 10 - 2 * index })));
    expect(areRememberedCosts({ whole, apart: [] })).toBe(true);
    for (const ms of whole.coefficients) expect(ms).toBeGreaterThan(0);
  });
});
