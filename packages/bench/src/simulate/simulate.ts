import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { defaultRouting, routingNames } from '@sluice/gateway';
import { type PolicyName, policyNames } from '@sluice/worker';
import {
  type BenchContext,
  type Benchmark,
  type BenchOutcome,
  type BenchResult,
  BenchUsageError,
  type BenchValues,
  wholeNumber,
} from '../benchmark.js';
import { figure, renderTable } from '../report/table.js';
import { type Machine, objectivesOf } from './machine.js';
import { calibratedMachine, machineNamed } from './machine-choice.js';
import { renderReport } from './report.js';
import { DELAY_MS_MAX, type TrialResult } from './tally.js';
import { runTasks, type TaskListener } from './task-threads.js';
import { traces } from './trace.js';
import { REQUESTS_PER_REPLICA, type TrialTask } from './trial-task.js';

/** The capacity of one policy under one objective. */
export interface CapacityResult extends BenchResult {
  readonly objective: string;
  readonly tbtMs: number;
  /** Requests a second, of all replicas together. */
  readonly capacityPerSecond: number;
  /** At that rate; null where there is none. */
  readonly atCapacity: TrialResult | null;
  /** At shares of the highest capacity of all policies, for the plots; run only for a report. */
  readonly sweep: readonly TrialResult[];
}

/** The worker's engine and policies and the gateway's routing in simulated time. */
export const simulateBenchmark: Benchmark = {
  summary: 'capacity under latency objectives, policies side by side, in simulated time',
  flags: {
    machine: { value: 'NAME', description: 'cpu (as calibrated last, or built in), a100 or h100 (default cpu)' },
    calibrate: { description: 'measure this machine with the default model first, about 15 s; kept for later runs' },
    replicas: { value: 'N', description: 'workers behind the gateways, 1 to 1000 (default 1)' },
    gateways: {
      value: 'N',
      description: 'of several replicas, 1 to 100 (default 1); each knows what it was told last',
    },
    routing: {
      value: 'NAME',
      description: `how gateways choose: ${routingNames.join(', ')} (default ${defaultRouting})`,
    },
    trace: { value: 'NAME', description: `lengths: ${Object.keys(traces).join(' or ')}, scaled (default sharegpt)` },
    policies: { value: 'LIST', description: `names with commas between, of ${policyNames.join(', ')} (default all)` },
    'tbt-ms': { value: 'N', description: 'one objective instead of strict and relaxed, 1 to 3600000 ms' },
    requests: { value: 'N', description: 'of a trial, 20 to 100000 (default 256, and 64 a replica from 5 on)' },
    seed: { value: 'N', description: 'of arrivals and lengths, 0 to 1000000 (default 1)' },
    out: { value: 'DIR', description: 'write report.html and plots as SVG there' },
  },
  run,
};

/** How well a fleet's capacity is known at the end; one replica's always to 2.5 %. */
const PRECISION_RATIO = 0.05;
const PRECISION_QUICK_RATIO = 0.1;

/** Shares of the best capacity at which the plots have a point. */
const SWEEP = [0.2, 0.4, 0.6, 0.8, 1, 1.2];

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const wanted = wantedOf(values, quick);
  const saved = machineNamed(wanted.machine);
  const machine = values.calibrate === true ? await calibratedMachine(progress) : saved;
  const subjects = subjectsOf(wanted, machine);
  const listener: TaskListener = {
    begins: ({ policy, tbtMs, ratesPerSecond }) =>
      progress.stage(`${ratesPerSecond === undefined ? '' : 'plotting '}${policy}, objective ${figure(tbtMs)} ms`),
    detail: progress.detail,
  };
  const tasks = subjects.map(({ task }) => task);
  const found = await runTasks(tasks, listener);
  const results = subjects.map(({ objective, task }, index): CapacityResult => {
    const atCapacity = found[index]!.at(-1) ?? null;
    const capacityPerSecond = atCapacity?.ratePerSecond ?? 0;
    return { subject: task.policy, objective, tbtMs: task.tbtMs, capacityPerSecond, atCapacity, sweep: [] };
  });

  const { replicas, gateways, routing, trace, requests, seed } = wanted;
  const place = { machine: machine.name, source: machine.source };
  const routed = replicas === 1 ? '' : ` behind ${gateways === 1 ? 'a gateway' : `${gateways} gateways`} (${routing})`;
  const heading =
    `${machine.name}: ${machine.source}\n` +
    `${replicas === 1 ? 'one replica' : `${replicas} replicas`}${routed}, trace ${trace}, ${requests} requests a trial`;
  if (typeof values.out === 'string') {
    const best = Math.max(...results.map((one) => one.capacityPerSecond));
    const ratesPerSecond = best > 0 ? SWEEP.map((share) => best * share) : [];
    const sweeps = await runTasks(
      tasks.map((task) => ({ ...task, ratesPerSecond })),
      listener,
    );
    const swept = results.map((result, index) => ({ ...result, sweep: sweeps[index]! }));
    writeReport(values.out, renderReport(swept, heading));
  }
  return {
    settings: { ...place, replicas, gateways, routing, trace, requests, seed },
    results,
    table: `${heading}\n\n${capacityTable(results)}`,
    valid: results.some((one) => one.capacityPerSecond > 0),
  };
}

/** What the command line asks for. */
interface Wanted extends Omit<TrialTask, 'policy' | 'tbtMs' | 'tokenBudget'> {
  readonly policies: readonly PolicyName[];
  readonly tbtMs: number | undefined;
}

function wantedOf(values: BenchValues, quick: boolean): Wanted {
  const text = (flag: string, otherwise: string | number): string => String(values[flag] ?? otherwise);
  const replicas = wholeNumber('replicas', text('replicas', 1), 1, 1_000);
  const requestsUsual = Math.max(quick ? 96 : 256, replicas * REQUESTS_PER_REPLICA);
  const policies = text('policies', policyNames.join(',')).split(',');
  return {
    machine: text('machine', 'cpu'),
    replicas,
    gateways: wholeNumber('gateways', text('gateways', 1), 1, 100),
    routing: oneOf('routing', text('routing', defaultRouting), routingNames),
    trace: oneOf('trace', text('trace', 'sharegpt'), Object.keys(traces)),
    policies: policies.map((name) => oneOf('policies', name.trim(), policyNames)),
    requests: wholeNumber('requests', text('requests', requestsUsual), 20, 100_000),
    seed: wholeNumber('seed', text('seed', 1), 0, 1_000_000),
    tbtMs: values['tbt-ms'] === undefined ? undefined : wholeNumber('tbt-ms', text('tbt-ms', 0), 1, 3_600_000),
    precisionRatio: quick ? PRECISION_QUICK_RATIO : PRECISION_RATIO,
  };
}

function oneOf<T extends string>(flag: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw new BenchUsageError(`--${flag} ${value} must be of ${known.join(', ')}`);
  return found;
}

/** Each policy under each objective. */
function subjectsOf(
  { policies, tbtMs, ...fleet }: Wanted,
  machine: Machine,
): readonly { readonly objective: string; readonly task: TrialTask }[] {
  const { strictMs, relaxedMs } = objectivesOf(machine);
  const { strict, relaxed } = machine.tokenBudget;
  const objectives =
    tbtMs === undefined
      ? [
          { name: 'strict', tbtMs: strictMs, tokenBudget: strict },
          { name: 'relaxed', tbtMs: relaxedMs, tokenBudget: relaxed },
        ]
      : [{ name: 'given', tbtMs, tokenBudget: tbtMs < relaxedMs ? strict : relaxed }];
  return objectives.flatMap(({ name, ...limits }) =>
    policies.map((policy) => ({ objective: name, task: { ...fleet, ...limits, policy } })),
  );
}

function writeReport(folder: string, files: ReadonlyMap<string, string>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of files) writeFileSync(path.join(folder, name), content);
}

export function capacityTable(results: readonly CapacityResult[]): string {
  return renderTable<CapacityResult>(
    [
      { title: 'policy', align: 'left', cell: ({ subject }) => subject },
      { title: 'objective', align: 'left', cell: ({ objective, tbtMs }) => `${objective} ${figure(tbtMs)} ms` },
      { title: 'requests/s', align: 'right', cell: (one) => figure(one.capacityPerSecond) },
      { title: 'TTFT P50 ms', align: 'right', cell: ({ atCapacity }) => figure(atCapacity?.ttftP50Ms) },
      { title: 'TTFT P99 ms', align: 'right', cell: ({ atCapacity }) => figure(atCapacity?.ttftP99Ms) },
      { title: 'gap P99 ms', align: 'right', cell: ({ atCapacity }) => figure(atCapacity?.gapP99Ms) },
      {
        title: `delay P50 ms (≤ ${DELAY_MS_MAX})`,
        align: 'right',
        cell: ({ atCapacity }) => figure(atCapacity?.delayP50Ms),
      },
      { title: 'output tok/s', align: 'right', cell: ({ atCapacity }) => figure(atCapacity?.outputTokensPerSecond) },
    ],
    results,
  );
}
