import { describe, expect, it } from 'vitest';
import { capacityPlan } from './capacity-plan.js';
import { readCapacitySettings } from './capacity-settings.js';

describe('capacityPlan', () => {
  it('holds every subject against every objective', () => {
    const plan = capacityPlan(readCapacitySettings({ trace: 'chat' }, false));
    expect(plan).toHaveLength(3 * (5 + 1 + 1 + 3));
    expect(new Set(plan.map((one) => JSON.stringify(one))).size).toBe(plan.length);
  });

  it('keeps what the aims speak of when it has to be quick', () => {
    const plan = capacityPlan(readCapacitySettings({}, true));
    const of = (objective: string) =>
      plan
        .filter((one) => one.objective === objective)
        .map((one) => (one.kind === 'policy' ? one.policy : one.kind === 'llama-server' ? one.batchTokens : one.kind));
    expect(of('strict')).toEqual([
      ...['slo', 'sarathi', 'prefill-first', 'iteration-level', 'hybrid-only'],
      ...['first-tokens', 'sluice-http', 128, 64, 512],
    ]);
    expect(of('relaxed')).toEqual(['slo', 'sarathi', 'prefill-first', 'iteration-level', undefined]);
    expect(of('mixed')).toEqual(['slo', 'sarathi']);
  });

  it('leaves peers out on request', () => {
    const plan = capacityPlan(readCapacitySettings({ peers: 'none' }, true));
    expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(['policy', 'first-tokens']));
  });
});
