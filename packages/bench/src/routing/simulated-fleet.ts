import type { RoutingName } from '@sluice/gateway';
import type { Machine } from '../simulate/machine.js';
import { SimulatedClock } from '../simulate/simulated-clock.js';
import { inSimulatedTime } from '../simulate/trial.js';
import { type PlacementResult, PlacementTally } from './placement-tally.js';
import { SimulatedGateway } from './simulated-gateway.js';
import { SimulatedWorker } from './simulated-worker.js';
import type { WorkloadRequest } from './workload.js';

export interface FleetSettings {
  readonly routing: RoutingName;
  readonly gateways: number;
  readonly workers: number;
  readonly machine: Machine;
  readonly ratePerSecond: number;
}

/** As a worker's service does for a gateway that gets no tokens. */
const IDLE_FRAME_MS = 500;

/**
 * The gateways' own routing over the workers' own engine, in simulated time. Requests go to the gateways in turn. A
 * gateway hears how a worker stands with the tokens of its own requests, and else every half second.
 */
export async function simulateFleet(
  { routing, gateways, workers, machine, ratePerSecond }: FleetSettings,
  requests: readonly WorkloadRequest[],
): Promise<PlacementResult> {
  const clock = new SimulatedClock();
  const tally = new PlacementTally(workers);
  const fleet = Array.from({ length: workers }, (_, index): SimulatedWorker => {
    const worker = new SimulatedWorker(`worker ${index}`, machine, clock, (served) => {
      const told = new Set<object>(served.map(({ gateway }) => gateway));
      for (const gateway of tier) if (told.has(gateway)) gateway.hear(worker);
    });
    return worker;
  });
  const tier = Array.from(
    { length: gateways },
    (_, index) => new SimulatedGateway(routing, index, fleet, { clock, tally }),
  );
  requests.forEach((request, id) => {
    clock.after((request.at * 1000) / ratePerSecond, () => tier[id % gateways]!.serve(`${id}`, request));
  });
  const beat = (): void => {
    for (const gateway of tier) gateway.hearSilent(IDLE_FRAME_MS);
    if (tally.ended < requests.length) clock.after(IDLE_FRAME_MS / 10, beat);
  };
  beat();
  await inSimulatedTime(clock, () => tally.ended === requests.length);
  return tally.result();
}
