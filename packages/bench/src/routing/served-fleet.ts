import { setTimeout as delay } from 'node:timers/promises';
import { type RoutingName, startGateway } from '@sluice/gateway';
import { createLog } from '@sluice/shared';
import { CompletionClient } from '../io/completion-client.js';
import { type PlacementResult, PlacementTally } from './placement-tally.js';
import { startServedWorker } from './served-worker.js';
import type { FleetSettings } from './simulated-fleet.js';
import type { WorkloadRequest } from './workload.js';

/** Until all gateways have all workers. */
const READY_MS_MAX = 10_000;

const log = createLog('bench');
log.level = 'silent';

/**
 * Real gateways over HTTP, and real workers' services over gRPC, all in this process on 127.0.0.1; only forward passes are
 * timers. Requests go to the gateways in turn, at their times.
 * @throws Error when a request does not come to its end.
 */
export async function serveFleet(
  { routing, gateways, workers, machine, ratePerSecond }: FleetSettings,
  requests: readonly WorkloadRequest[],
): Promise<PlacementResult> {
  const tally = new PlacementTally(workers);
  const fleet = await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      startServedWorker(machine, (promptTokens, cachedTokens) => tally.addEnd(index, promptTokens, cachedTokens)),
    ),
  );
  const addresses = fleet.map(({ address }) => address);
  const tier = await Promise.all(Array.from({ length: gateways }, () => startTierGateway(routing, addresses)));
  const clients = tier.map(({ url }) => new CompletionClient({ url }));
  try {
    await Promise.all(tier.map(({ url }) => waitForWorkers(url, workers)));
    const startMs = performance.now();
    await Promise.all(
      requests.map(async ({ at, promptIds, outputTokens, session }, index) => {
        await delay(Math.max(0, startMs + (at * 1000) / ratePerSecond - performance.now()));
        const headers = { 'x-sluice-session': session };
        const record = await clients[index % gateways]!.send({ promptIds, outputTokens, headers });
        if (record.outcome !== 'complete') throw new Error(`a request was ${record.outcome}: ${record.reason}`);
        if (record.ttftMs !== undefined) tally.addFirst(record.ttftMs);
      }),
    );
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(tier.map((gateway) => gateway.close(0)));
    await Promise.all(fleet.map((worker) => worker.close()));
  }
  return tally.result();
}

function startTierGateway(routing: RoutingName, workers: readonly string[]) {
  return startGateway({ port: 0, workers, routing, prefixIndexBytesMax: 2 ** 23, drainMs: 0, log });
}

async function waitForWorkers(url: string, workers: number): Promise<void> {
  const untilMs = performance.now() + READY_MS_MAX;
  while (performance.now() < untilMs) {
    const text = await (await fetch(`${url}/metrics`)).text();
    if (Number(/^sluice_gateway_workers_attached (\d+)/m.exec(text)?.[1]) >= workers) return;
    await delay(20);
  }
  throw new Error(`the gateway at ${url} did not reach its workers within ${READY_MS_MAX / 1000} s`);
}
