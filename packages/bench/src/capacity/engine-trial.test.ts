import { systemClock } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { CostedModel } from '../simulate/costed-model.js';
import { linearMachine } from '../simulate/machine.js';
import { drawArrivals, traces } from '../simulate/trace.js';
import { runEngineTrial } from './engine-trial.js';

const nothing = { baseMs: 0, decodeMs: 0, decodeContextMs: 0, prefillTokenMs: 0, prefillPairMs: 0, chunkMs: 0 };
const cost = { ...nothing, chunksAbreast: 1, sharedTokenMs: 0 };
const machine = linearMachine(cost, 'takes no time');
const model = new CostedModel(machine, 2080, systemClock());
const arrivals = drawArrivals(traces.sharegpt!, 128, 40, 1);
const settings = { policy: 'sarathi', tokenBudget: 128, kvTokensMax: machine.kvTokensMax } as const;

describe('runEngineTrial', () => {
  it('serves every token of a load within the limits', async () => {
    const result = await runEngineTrial(model, { ...settings, tbtMs: 1e6 }, arrivals, 1e3);
    expect(result).toMatchObject({ isWithin: true, isCut: false });
  });

  it('breaks off a trial that is lost, and another can begin on the same model', async () => {
    const tight = { ...settings, tbtMs: 1e-9 };
    expect(await runEngineTrial(model, tight, arrivals, 1e3)).toMatchObject({ isWithin: false, isCut: true });
    expect(await runEngineTrial(model, tight, arrivals, 1e3, true)).toMatchObject({ isWithin: false, isCut: false });
  });
});
