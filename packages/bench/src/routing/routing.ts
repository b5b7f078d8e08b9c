import { routingNames } from '@sluice/gateway';
import {
  type BenchContext,
  type Benchmark,
  type BenchOutcome,
  type BenchResult,
  BenchUsageError,
  type BenchValues,
  wholeNumber,
} from '../benchmark.js';
import { machineTime } from '../io/machine-time.js';
import { figure, renderTable } from '../report/table.js';
import { linearMachine, type Machine, twoCores } from '../simulate/machine.js';
import type { PlacementResult } from './placement-tally.js';
import { serveFleet } from './served-fleet.js';
import { simulateFleet } from './simulated-fleet.js';
import { drawWorkload, type WorkloadSettings } from './workload.js';

/** Where one policy put the requests of a workload, and what came of it. */
export interface RoutingResult extends BenchResult, PlacementResult {
  /** In simulated time, or with real gateways and workers' services. */
  readonly kind: 'simulated' | 'served';
  readonly gateways: number;
  readonly workers: number;
  /** Of all gateways together. */
  readonly ratePerSecond: number;
  /** Of the machine's CPU time, what other processes and other machines took; null where time was simulated. */
  readonly othersCpuRatio: number | null;
}

/** Of all workers: so fast is a pass where gateways and workers are real, so that a run takes seconds. */
const SERVED_SPEEDUP = 3;

/** Requests that are sent before any counts, so that no policy pays for a process that has just started. */
const WARM_UP = 80;

/** The gateways' routing policies over one workload. */
export const routingBenchmark: Benchmark = {
  summary: 'where routing policies put requests that share prefixes, simulated and with real gateways',
  flags: {
    policies: { value: 'LIST', description: `names with commas between, of ${routingNames.join(', ')} (default all)` },
    gateways: { value: 'LIST', description: 'numbers of gateways, each 1 to 64 (default 1,2,8)' },
    workers: { value: 'N', description: 'behind the gateways, 2 to 64 (default 8)' },
    rate: { value: 'N', description: 'requests a second to each 8 workers, 1 to 1000 (default 8)' },
    requests: { value: 'N', description: 'of a simulated run, 50 to 100000 (default 2000; --quick 600)' },
    kinds: { value: 'LIST', description: 'simulated, served (default both)' },
    seed: { value: 'N', description: 'of the workload, 0 to 1000000 (default 1)' },
  },
  run: runRouting,
};

async function runRouting(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const policies = listOf(values.policies, routingNames, 'policies');
  const kinds = listOf(values.kinds, ['simulated', 'served'] as const, 'kinds');
  const tiers = textOf(values.gateways, '1,2,8')
    .split(',')
    .map((text) => wholeNumber('gateways', text, 1, 64));
  const workers = wholeNumber('workers', textOf(values.workers, '8'), 2, 64);
  const rate = (wholeNumber('rate', textOf(values.rate, '8'), 1, 1000) * workers) / 8;
  const workload: WorkloadSettings = {
    requests: wholeNumber('requests', textOf(values.requests, quick ? '600' : '2000'), 50, 100_000),
    prefixes: 20,
    sharedRatio: 0.8,
    prefixTokens: 768,
    tailTokens: 64,
    outputTokens: 48,
    sessions: 200,
    seed: wholeNumber('seed', textOf(values.seed, '1'), 0, 1_000_000),
  };
  const requests = drawWorkload(workload);
  const served = requests.slice(0, quick ? 160 : 400);

  const cpu = linearMachine(twoCores, 'built in');
  const results: RoutingResult[] = [];
  for (const kind of kinds) {
    const isServed = kind === 'served';
    const machine = isServed ? faster(cpu, SERVED_SPEEDUP) : cpu;
    const ratePerSecond = isServed ? rate * SERVED_SPEEDUP : rate;
    if (isServed) {
      progress.stage('served, warming up');
      await serveFleet({ routing: 'random', gateways: 1, workers, machine, ratePerSecond }, served.slice(0, WARM_UP));
    }
    for (const gateways of tiers) {
      for (const routing of policies) {
        progress.stage(`${kind}, ${gateways} gateways, ${routing}`);
        const settings = { routing, gateways, workers, machine, ratePerSecond };
        const others = startOthersWatch();
        const result = await (isServed ? serveFleet(settings, served) : simulateFleet(settings, requests));
        const othersCpuRatio = isServed ? others() : null;
        results.push({ subject: routing, kind, gateways, workers, ratePerSecond, ...result, othersCpuRatio });
      }
    }
  }
  const settings = { ...workload, workers, rate, gateways: tiers, servedRequests: served.length };
  return { settings, results, table: tableOf(results), valid: true };
}

function tableOf(results: readonly RoutingResult[]): string {
  return renderTable<RoutingResult>(
    [
      { title: 'kind', align: 'left', cell: ({ kind }) => kind },
      { title: 'gateways', align: 'right', cell: ({ gateways }) => `${gateways}` },
      { title: 'policy', align: 'left', cell: ({ subject }) => subject },
      { title: 'hot spot, requests', align: 'right', cell: ({ hotSpotRequests }) => figure(hotSpotRequests) },
      { title: 'hot spot, tokens', align: 'right', cell: ({ hotSpotTokens }) => figure(hotSpotTokens) },
      { title: 'TTFT P50 ms', align: 'right', cell: ({ ttftP50Ms }) => figure(ttftP50Ms) },
      { title: 'TTFT P99 ms', align: 'right', cell: ({ ttftP99Ms }) => figure(ttftP99Ms) },
      {
        title: 'others',
        align: 'right',
        cell: ({ othersCpuRatio: ratio }) => (ratio === null ? '–' : `${Math.round(ratio * 100)} %`),
      },
      { title: 'cached', align: 'right', cell: ({ cachedRatio }) => `${Math.round(cachedRatio * 100)} %` },
    ],
    results,
  );
}

/** Gives, when called, the share of the machine's CPU time since then that this process did not get or leave idle. */
function startOthersWatch(): () => number | null {
  const ownMs = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  const [before, ownBeforeMs] = [machineTime(), ownMs()];
  return () => {
    const after = machineTime();
    if (before === undefined || after === undefined || after.totalMs <= before.totalMs) return null;
    const busyMs = after.busyMs + after.stolenMs - before.busyMs - before.stolenMs;
    return Math.max(0, busyMs - (ownMs() - ownBeforeMs)) / (after.totalMs - before.totalMs);
  };
}

function faster(machine: Machine, times: number): Machine {
  return { ...machine, passMs: (work) => machine.passMs(work) / times };
}

function textOf(value: string | boolean | undefined, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function listOf<const Name extends string>(
  value: string | boolean | undefined,
  known: readonly Name[],
  flag: string,
): readonly Name[] {
  if (typeof value !== 'string') return known;
  return value.split(',').map((text) => {
    const name = known.find((each) => each === text);
    if (name !== undefined) return name;
    throw new BenchUsageError(`--${flag} ${text} must be one of ${known.join(', ')}`);
  });
}
