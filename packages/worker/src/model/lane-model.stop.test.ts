import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StepPlan, wantBest } from '../engine/step-plan.js';
import { LaneModel } from './lane-model.js';
import { TinyModelFolder } from './test-support/compiled-tiny-model.js';
import { eachKernels } from './test-support/each-kernels.js';

// A real pass of the real runtime, long enough that it is still under way when it is told to stop.

const TOKENS = 480;
const folder = new TinyModelFolder();
let model: LaneModel;

afterAll(() => folder.remove());

const tokenIds = Array.from({ length: TOKENS }, (_, index) => (index * 31 + 7) % 200);
const prompt: StepPlan = {
  decodes: [],
  chunks: [{ slot: 0, tokenIds, position: 0, want: wantBest, wantTokens: 1 }],
  resting: [],
};
const decode: StepPlan = {
  decodes: [{ slot: 0, tokenIds: [9], position: TOKENS, want: wantBest, wantTokens: 1 }],
  chunks: [],
  resting: [],
};

async function lastRow(plan: StepPlan): Promise<Float32Array> {
  return (await model.forward(plan)).rows[0]!.logits.slice();
}

describe.each(eachKernels)('LaneModel.stop on $kernels kernels', (kernels) => {
  beforeAll(async () => {
    const sizes = { layers: 8, hidden: 256, feedForward: 768, contextTokens: 512 };
    const { files, library } = await folder.compile(5, 'q8', sizes, kernels);
    model = new LaneModel(files, { ...library, slots: 2, contextTokens: 512, stepTokensMax: TOKENS, threads: 1 });
  });

  afterAll(() => model.close());

  it('ends the pass that runs, and leaves the next ones as they would have been', async () => {
    const undisturbed = [await lastRow(prompt), await lastRow(decode)];
    const stopped = model.forward(prompt);
    model.stop(prompt);
    await expect(stopped).rejects.toThrow(/terminat/i);
    expect([await lastRow(prompt), await lastRow(decode)]).toEqual(undisturbed);
  });

  it('ends a pass that has begun', async () => {
    const undisturbed = await lastRow(prompt);
    const stopped = model.forward(prompt);
    // Time for the thread of the runtime to take it up.
    await new Promise((resolve) => setImmediate(resolve));
    model.stop(prompt);
    await expect(stopped).rejects.toThrow(/terminat/i);
    expect(await lastRow(prompt)).toEqual(undisturbed);
  });

  it('does nothing where no pass runs', async () => {
    const undisturbed = await lastRow(prompt);
    model.stop(prompt);
    expect(await lastRow(prompt)).toEqual(undisturbed);
  });
});
