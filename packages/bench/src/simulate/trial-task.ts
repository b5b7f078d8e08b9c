import type { RoutingName } from '@sluice/gateway';
import type { PolicyName } from '@sluice/worker';
import { figure } from '../report/table.js';
import { type SearchResult, searchCapacity } from './capacity-search.js';
import { type Machine, promptAloneMs } from './machine.js';
import { machineNamed } from './machine-choice.js';
import type { TrialResult } from './tally.js';
import { type Arrival, drawArrivals, traces } from './trace.js';
import { runTrial, type TrialSettings } from './trial.js';

/** One policy under one objective, as a message for a thread: everything by name. */
export interface TrialTask {
  readonly machine: string;
  /** A key of {@link traces}. */
  readonly trace: string;
  /** Of a trial. */
  readonly requests: number;
  readonly seed: number;
  readonly policy: PolicyName;
  readonly tbtMs: number;
  readonly tokenBudget: number;
  readonly replicas: number;
  readonly gateways: number;
  readonly routing: RoutingName;
  /** The least and the most of a fleet's capacity may be so large a share of it apart. */
  readonly precisionRatio: number;
  /** One trial at each of these, to its end; absent: search for the capacity. */
  readonly ratesPerSecond?: readonly number[];
}

/** Twice what its slots hold: with fewer a fleet swallows every request at once, and no rate is too high. */
export const REQUESTS_PER_REPLICA = 64;

/** Of a replica alone, to begin a fleet's search from. */
const LONE_REQUESTS_MAX = 256;
/** A fleet of so many behaves nearly like a larger one of as many requests a replica, and is searched sooner. */
const SMALL_FLEET = 16;
/** How far from its guess the small fleet's search looks first, and how well it has to know: it is a guess again. */
const SMALL_FLEET_FACTOR = 1.15;
const SMALL_FLEET_PRECISION_RATIO = 0.025;

/**
 * The trials at the rates of a task, or those of a search: the best one within the limits, or none.
 * @throws BenchUsageError for a machine that nobody knows.
 */
export async function runTask(task: TrialTask, detail: (text: string) => void): Promise<readonly TrialResult[]> {
  const machine = machineNamed(task.machine);
  const arrivals = drawArrivals(traces[task.trace]!, machine.contextTokens, task.requests, task.seed);
  const settings: TrialSettings = { ...task, machine, arrivals };
  if (task.ratesPerSecond !== undefined) {
    const results: TrialResult[] = [];
    for (const rate of task.ratesPerSecond) results.push(await runTrial(settings, rate, true));
    return results;
  }
  const { ratePerSecond, probes } = await searchFleet(settings, task.precisionRatio, detail);
  return probes.filter((one) => one.ratePerSecond === ratePerSecond);
}

/** A fleet's trials are long, so its search begins where so many times a smaller one's ended, and ends sooner. */
async function searchFleet(
  settings: TrialSettings,
  precisionRatio: number,
  detail: (text: string) => void,
): Promise<SearchResult<TrialResult>> {
  const probe = (replicas: number, requests: number) => (rate: number) => {
    detail(`${replicas} replicas at ${figure(rate)} requests/s`);
    return runTrial({ ...settings, arrivals: settings.arrivals.slice(0, requests), replicas }, rate);
  };
  const { replicas, arrivals, machine } = settings;
  const startPerSecond = firstRate(machine, arrivals);
  const alone = await searchCapacity({
    startPerSecond,
    probe: probe(1, replicas === 1 ? arrivals.length : LONE_REQUESTS_MAX),
  });
  if (replicas === 1 || alone.ratePerSecond === 0) return alone;
  const few = Math.min(SMALL_FLEET, replicas);
  const small = await searchCapacity({
    startPerSecond: alone.ratePerSecond * few,
    firstFactor: SMALL_FLEET_FACTOR,
    precisionRatio: few === replicas ? precisionRatio : SMALL_FLEET_PRECISION_RATIO,
    probe: probe(few, few === replicas ? arrivals.length : few * REQUESTS_PER_REPLICA),
  });
  if (few === replicas || small.ratePerSecond === 0) return small;
  return searchCapacity({
    startPerSecond: (small.ratePerSecond * replicas) / few,
    // So that two trials are enough where the guess is good.
    firstFactor: 1 + 0.9 * precisionRatio,
    precisionRatio,
    probe: probe(replicas, arrivals.length),
  });
}

/** Half of what the prompts alone would allow one replica. */
function firstRate(machine: Machine, arrivals: readonly Arrival[]): number {
  const promptMs = arrivals.reduce((sum, { promptTokens }) => sum + promptAloneMs(machine, promptTokens), 0);
  return (500 * arrivals.length) / promptMs;
}
