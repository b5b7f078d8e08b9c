import { greedySampling, type SequenceRequest } from '@sluice/worker';
import { describe, expect, it } from 'vitest';
import { HashModel } from '../../../worker/src/engine/test-support/hash-model.js';
import { benchSizes } from './engine-cases.js';
import { runRequests } from './run-requests.js';

const requests: readonly SequenceRequest[] = Array.from({ length: 6 }, (_, index) => ({
  id: `${index}`,
  promptIds: [index, 1, 2, 3],
  tokensMax: 5,
  sampling: greedySampling,
  stopTokenIds: new Set(),
  logprobsTop: undefined,
}));

function hashModel(): HashModel {
  return new HashModel({ slotsMax: 4, stepTokensMax: benchSizes.stepTokensMax });
}

describe('runRequests', () => {
  it('runs all to their last tokens, so many at once', async () => {
    const tokens: string[] = [];
    const { steps, load } = await runRequests(hashModel(), requests, 2, 'sarathi', (id) => tokens.push(id));
    expect(tokens).toHaveLength(30);
    expect(Math.max(...steps.map((step) => step.decodes))).toBe(2);
    expect(load.steps).toBe(steps.length);
  });

  it('throws what a request failed with', async () => {
    const model = hashModel();
    model.failing.add(3);
    await expect(runRequests(model, requests, 2, 'sarathi', () => {})).rejects.toThrow(/pass/);
  });

  it('throws what a request was refused with', async () => {
    const endless = { ...requests[0]!, promptIds: Array.from({ length: 100 }, () => 1) };
    await expect(runRequests(hashModel(), [endless], 1, 'sarathi', () => {})).rejects.toThrow(/100/);
  });
});
