import { createRouting, defaultRouting, type RoutingName } from '@sluice/gateway';
import { seededRng } from '@sluice/shared';
import type { SequenceEvent } from '@sluice/worker';
import { CostedModel } from './costed-model.js';
import { GatewayTier } from './gateway-tier.js';
import type { Machine } from './machine.js';
import { Replica, type ReplicaSettings } from './replica.js';
import { SimulatedClock } from './simulated-clock.js';
import { gapLimits, Tally, type TrialResult } from './tally.js';
import type { Arrival } from './trace.js';

export interface TrialSettings extends Omit<ReplicaSettings, 'kvTokensMax'> {
  readonly machine: Machine;
  readonly arrivals: readonly Arrival[];
  readonly replicas: number;
  /** In front of several replicas. Absent: 1. */
  readonly gateways?: number;
  /** By which gateways choose among several replicas. Absent: their default. */
  readonly routing?: RoutingName;
}

/**
 * Sends the arrivals at a rate to the replicas, in simulated time. Nothing else of the process goes on meanwhile.
 * @param isWhole run to the end also when a limit is broken on the way.
 */
export async function runTrial(settings: TrialSettings, ratePerSecond: number, isWhole = false): Promise<TrialResult> {
  const { arrivals, machine, tbtMs, gateways = 1, routing = defaultRouting } = settings;
  const clock = new SimulatedClock();
  const tally = new Tally(arrivals.length, gapLimits(arrivals, tbtMs));
  const stepTokensMax = machine.slotsMax + machine.contextTokens;
  const isFleet = settings.replicas > 1;
  const replicas = Array.from({ length: settings.replicas }, (_, index) => {
    const model = new CostedModel(machine, stepTokensMax, clock);
    const report = isFleet ? { onEvents: (events: readonly SequenceEvent[]) => tier.onEvents(index, events) } : {};
    return new Replica({ ...settings, kvTokensMax: machine.kvTokensMax }, { model, clock, tally, ...report });
  });
  const routes = Array.from({ length: gateways }, (_, index) => createRouting(routing, seededRng(1, index)));
  const tier = new GatewayTier(replicas, routes, clock);
  arrivals.forEach((arrival, id) => {
    const send = (): void => (isFleet ? tier.send(id, arrival) : replicas[0]!.submit(id, arrival));
    clock.after((arrival.at * 1000) / ratePerSecond, send);
  });
  await inSimulatedTime(clock, () => !isWhole && tally.isLost);
  const isCut = replicas.some(({ liveCount }) => liveCount > 0);
  return tally.result(ratePerSecond, clock.nowMs(), isCut);
}

/** Moves from timer to timer until there is none, or enough is known. */
export function inSimulatedTime(clock: SimulatedClock, isOver: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const move = (): void => {
      if (!isOver() && clock.advance()) queueMicrotask(goOn);
      else setImmediate(resolve);
    };
    // A tick asked for by a microtask comes when there are no more of them: every promise that can go on has gone on.
    const goOn = (): void => process.nextTick(move);
    queueMicrotask(goOn);
  });
}
