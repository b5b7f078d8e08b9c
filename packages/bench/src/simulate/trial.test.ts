import { policyNames } from '@sluice/worker';
import { describe, expect, it } from 'vitest';
import { linearMachine, objectivesOf, twoCores } from './machine.js';
import { drawArrivals, traces } from './trace.js';
import { runTrial } from './trial.js';

const machine = linearMachine(twoCores, 'test');
const tbtMs = objectivesOf(machine).relaxedMs;
const arrivals = drawArrivals(traces.sharegpt!, 512, 40, 1);
const settings = { machine, tbtMs, tokenBudget: 128, arrivals, replicas: 1, routing: 'least-load' } as const;

describe('runTrial', () => {
  it.each(policyNames)('serves a load that is next to nothing under %s, every token of it', async (policy) => {
    const result = await runTrial({ ...settings, policy }, 0.01);
    expect(result).toMatchObject({ isWithin: true, isCut: false });
    const tokens = arrivals.reduce((sum, { outputTokens }) => sum + outputTokens, 0);
    const seconds = tokens / result.outputTokensPerSecond;
    expect(seconds).toBeGreaterThanOrEqual(arrivals.at(-1)!.at / 0.01);
    expect(seconds).toBeLessThan(arrivals.at(-1)!.at / 0.01 + 60);
  });

  it('says that all at once is too much, and stops as soon as that is sure', async () => {
    expect(await runTrial({ ...settings, policy: 'sarathi' }, 1e6)).toMatchObject({ isWithin: false, isCut: true });
  });

  it('gives the same figures twice, for a fleet too', async () => {
    const fleet = { ...settings, policy: 'slo', replicas: 3 } as const;
    expect(await runTrial(fleet, 4, true)).toEqual(await runTrial(fleet, 4, true));
  });

  it('waits less where more replicas share the load', async () => {
    const delays = [1, 4].map(async (replicas) => runTrial({ ...settings, policy: 'sarathi', replicas }, 4, true));
    const [one, four] = await Promise.all(delays);
    expect(four!.delayP50Ms).toBeLessThan(one!.delayP50Ms / 2);
  });
});
