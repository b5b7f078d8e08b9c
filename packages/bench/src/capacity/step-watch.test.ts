import { systemClock } from '@sluice/shared';
import { noWork, type StepPlan, wantBest } from '@sluice/worker';
import { describe, expect, it } from 'vitest';
import { CostedModel } from '../simulate/costed-model.js';
import { linearMachine, twoCores } from '../simulate/machine.js';
import { StepWatch, stepErrors } from './step-watch.js';

const decode: StepPlan = {
  decodes: [{ slot: 0, tokenIds: [1], position: 9, want: wantBest, wantTokens: 1 }],
  chunks: [],
  resting: [],
};

describe('StepWatch', () => {
  it('writes down what passes computed and took, and the time between them', async () => {
    const machine = linearMachine({ ...twoCores, baseMs: 0, decodeMs: 0, decodeContextMs: 0 }, 'takes no time');
    const times = [100, 130, 137, 150];
    const watch = new StepWatch(new CostedModel(machine, 2080, systemClock()), () => times.shift()!);
    await watch.model.forward(decode);
    await watch.model.forward(decode);
    expect(watch.model.limits.slotsMax).toBe(machine.slotsMax);
    expect(watch.hostGapsMs).toEqual([7]);
    expect(watch.take().map(({ work, passMs }) => [work.decodes, work.decodeContext, passMs])).toEqual([
      [1, 10, 30],
      [1, 10, 13],
    ]);
    expect(watch.take()).toEqual([]);
  });
});

describe('stepErrors', () => {
  const work = { ...noWork, decodes: 1 };

  it('tells a prediction that is wrong at random from one that is wrong on the whole', () => {
    const passes = [80, 125, 100].map((passMs) => ({ work, passMs }));
    const { stepErrorRatio, stepBiasRatio, steps } = stepErrors(passes, () => 100);
    expect(stepErrorRatio).toBeCloseTo(0.2);
    expect(stepBiasRatio).toBeCloseTo(300 / 305 - 1);
    expect(steps).toBe(3);
  });

  it('says nothing of no passes', () => {
    expect(stepErrors([], () => 1)).toEqual({ stepErrorRatio: null, stepBiasRatio: null, steps: 0 });
  });
});
