import { leastLoad } from '@sluice/gateway';
import { seededRng } from '@sluice/shared';
import { CostedModel } from './costed-model.js';
import type { Machine } from './machine.js';
import { Replica, type ReplicaSettings } from './replica.js';
import { SimulatedClock } from './simulated-clock.js';
import { Tally, type TrialResult } from './tally.js';
import type { Arrival } from './trace.js';

export interface TrialSettings extends Omit<ReplicaSettings, 'kvTokensMax'> {
  readonly machine: Machine;
  readonly arrivals: readonly Arrival[];
  /** Behind the gateway's own routing. */
  readonly replicas: number;
}

/**
 * Sends the arrivals at a rate to the replicas, in simulated time.
 * @param isWhole run to the end also when a limit is broken on the way.
 */
export async function runTrial(settings: TrialSettings, ratePerSecond: number, isWhole = false): Promise<TrialResult> {
  const { arrivals, machine, tbtMs } = settings;
  const gaps = arrivals.reduce((sum, { outputTokens }) => sum + outputTokens - 1, 0);
  const clock = new SimulatedClock();
  const tally = new Tally(arrivals.length, gaps, tbtMs);
  const stepTokensMax = machine.slotsMax + machine.contextTokens;
  const replicas = Array.from({ length: settings.replicas }, () => {
    const model = new CostedModel(machine, stepTokensMax, clock);
    const replicaSettings = { ...settings, kvTokensMax: machine.kvTokensMax };
    return new Replica(replicaSettings, { model, clock, tally }, settings.replicas > 1);
  });
  const route = leastLoad(seededRng(1));
  const choose = ({ promptTokens }: Arrival): Replica => {
    if (replicas.length === 1) return replicas[0]!;
    const view = replicas.map((replica, index) => ({ id: `${index}`, ...replica.view }));
    const chosen = route.choose(view, { promptTokens, session: undefined, cachedTokens: new Map() });
    return replicas[Number(chosen)]!;
  };
  arrivals.forEach((arrival, id) => {
    clock.after((arrival.at * 1000) / ratePerSecond, () => choose(arrival).submit(id, arrival));
  });
  await settle();
  while ((isWhole || !tally.isLost) && clock.advance()) await settle();
  const isCut = replicas.some(({ liveCount }) => liveCount > 0);
  return tally.result(ratePerSecond, clock.nowMs(), isCut);
}

/** Until every promise that can go on has gone on: simulated time stands still, so only microtasks are left. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
