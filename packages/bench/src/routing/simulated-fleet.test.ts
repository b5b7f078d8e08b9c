import { type RoutingName, routingNames } from '@sluice/gateway';
import { describe, expect, it } from 'vitest';
import { linearMachine, twoCores } from '../simulate/machine.js';
import { simulateFleet } from './simulated-fleet.js';
import { drawWorkload, type WorkloadSettings } from './workload.js';

const workload: WorkloadSettings = {
  requests: 400,
  prefixes: 20,
  sharedRatio: 0.8,
  prefixTokens: 768,
  tailTokens: 64,
  outputTokens: 32,
  sessions: 100,
  seed: 1,
};
const requests = drawWorkload(workload);
const run = (routing: RoutingName, gateways = 1) =>
  simulateFleet(
    { routing, gateways, workers: 8, machine: linearMachine(twoCores, 'test'), ratePerSecond: 8 },
    requests,
  );

describe('drawWorkload', () => {
  it('shares prefixes among as many requests as it was asked to', () => {
    const beginnings = new Map<string, number>();
    for (const { promptIds } of requests) {
      const beginning = promptIds.slice(0, 768).join();
      beginnings.set(beginning, (beginnings.get(beginning) ?? 0) + 1);
    }
    const shared = [...beginnings.values()].filter((count) => count > 1);
    expect(shared.length).toBeLessThanOrEqual(20);
    expect(shared.reduce((sum, count) => sum + count, 0) / requests.length).toBeCloseTo(0.8, 1);
    expect(drawWorkload(workload)).toEqual(requests);
  });
});

describe('simulateFleet', () => {
  it('serves every request under every policy', async () => {
    for (const name of routingNames) expect((await run(name, 2)).requests).toBe(400);
  });

  it('comes to the same again', async () => {
    expect(await run('ttft', 2)).toEqual(await run('ttft', 2));
  });

  it.each([1, 8])(
    'gives first tokens sooner under ttft than where prefixes are not looked at, with %s gateways',
    async (gateways) => {
      const ttft = await run('ttft', gateways);
      for (const other of ['round-robin', 'random', 'least-requests', 'least-load'] as const) {
        const result = await run(other, gateways);
        expect(ttft.ttftP50Ms, other).toBeLessThan(result.ttftP50Ms);
        expect(ttft.cachedRatio, other).toBeGreaterThan(result.cachedRatio);
      }
    },
  );

  it('predicts first tokens about right', async () => {
    const { predictionP50 } = await run('ttft');
    expect(predictionP50).toBeGreaterThan(0.7);
    expect(predictionP50).toBeLessThan(1.5);
  });
});
