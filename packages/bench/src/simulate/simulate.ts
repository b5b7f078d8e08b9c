import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
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
import { type SearchResult, searchCapacity } from './capacity-search.js';
import { type Machine, objectivesOf, promptAloneMs } from './machine.js';
import { calibratedMachine, machineNamed } from './machine-choice.js';
import { renderReport } from './report.js';
import { DELAY_MS_MAX, type TrialResult } from './tally.js';
import { type Arrival, drawArrivals, traces } from './trace.js';
import { runTrial, type TrialSettings } from './trial.js';

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
    replicas: {
      value: 'N',
      description: 'workers behind the gateway, 1 to 1000 (default 1); 1000 take minutes a policy',
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

/** Twice what its slots hold: with fewer a fleet swallows every request at once, and no rate is too high. */
const REQUESTS_PER_REPLICA = 64;

/** Of a replica alone, to begin a fleet's search from. */
const LONE_REQUESTS_MAX = 256;

/** Shares of the best capacity at which the plots have a point. */
const SWEEP = [0.2, 0.4, 0.6, 0.8, 1, 1.2];

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const text = (flag: string, otherwise: string | number): string => String(values[flag] ?? otherwise);
  const replicas = wholeNumber('replicas', text('replicas', 1), 1, 1_000);
  const requestsUsual = Math.max(quick ? 96 : 256, replicas * REQUESTS_PER_REPLICA);
  const requests = wholeNumber('requests', text('requests', requestsUsual), 20, 100_000);
  const seed = wholeNumber('seed', text('seed', 1), 0, 1_000_000);
  const tbtMs = values['tbt-ms'] === undefined ? undefined : wholeNumber('tbt-ms', text('tbt-ms', 0), 1, 3_600_000);
  const trace = Object.hasOwn(traces, text('trace', 'sharegpt')) ? traces[text('trace', 'sharegpt')] : undefined;
  if (trace === undefined) {
    throw new BenchUsageError(`--trace ${text('trace', '')} must be ${Object.keys(traces).join(' or ')}`);
  }
  const policies = namedPolicies(text('policies', policyNames.join(',')));
  const wanted = machineNamed(text('machine', 'cpu'));
  const machine = values.calibrate === true ? await calibratedMachine(progress) : wanted;
  const arrivals = drawArrivals(trace, machine.contextTokens, requests, seed);

  const results: CapacityResult[] = [];
  for (const objective of objectives(machine, tbtMs)) {
    for (const policy of policies) {
      progress.stage(`${policy}, ${objective.name} objective`);
      const settings = {
        machine,
        policy,
        replicas,
        arrivals,
        tbtMs: objective.tbtMs,
        tokenBudget: objective.tokenBudget,
      };
      const startPerSecond = firstRate(machine, arrivals);
      const { ratePerSecond, probes } = await searchFleet(settings, startPerSecond, progress.detail);
      results.push({
        subject: policy,
        objective: objective.name,
        tbtMs: objective.tbtMs,
        capacityPerSecond: ratePerSecond,
        atCapacity: probes.find((one) => one.ratePerSecond === ratePerSecond) ?? null,
        sweep: [],
      });
    }
  }

  const table = capacityTable(results);
  const settings = { machine: machine.name, source: machine.source, replicas, trace: trace.name, requests, seed };
  const heading = `${machine.name}: ${machine.source}\n${replicas} replicas, trace ${trace.name}, ${requests} requests a trial`;
  if (typeof values.out === 'string') {
    const swept = await sweepAll(results, machine, tbtMs, { replicas, arrivals }, progress.stage);
    writeReport(values.out, renderReport(swept, heading));
  }
  return {
    settings,
    results,
    table: `${heading}\n\n${table}`,
    valid: results.some((one) => one.capacityPerSecond > 0),
  };
}

interface Objective {
  readonly name: string;
  readonly tbtMs: number;
  readonly tokenBudget: number;
}

function objectives(machine: Machine, tbtMs: number | undefined): readonly Objective[] {
  const { strictMs, relaxedMs } = objectivesOf(machine);
  if (tbtMs !== undefined) {
    const tokenBudget = tbtMs < relaxedMs ? machine.tokenBudget.strict : machine.tokenBudget.relaxed;
    return [{ name: 'given', tbtMs, tokenBudget }];
  }
  return [
    { name: 'strict', tbtMs: strictMs, tokenBudget: machine.tokenBudget.strict },
    { name: 'relaxed', tbtMs: relaxedMs, tokenBudget: machine.tokenBudget.relaxed },
  ];
}

function namedPolicies(list: string): readonly PolicyName[] {
  return list.split(',').map((name) => {
    const known = policyNames.find((one) => one === name.trim());
    if (known === undefined) throw new BenchUsageError(`--policies ${name} must be of ${policyNames.join(', ')}`);
    return known;
  });
}

/** A fleet's trials are long, so its search begins where so many times one replica's ended, and ends sooner. */
async function searchFleet(
  settings: TrialSettings,
  startPerSecond: number,
  detail: (text: string) => void,
): Promise<SearchResult<TrialResult>> {
  const probe = (replicas: number) => (rate: number) => {
    detail(`${replicas} replicas at ${figure(rate)} requests/s`);
    const isGuess = replicas < settings.replicas;
    const arrivals = isGuess ? settings.arrivals.slice(0, LONE_REQUESTS_MAX) : settings.arrivals;
    return runTrial({ ...settings, arrivals, replicas }, rate);
  };
  const alone = await searchCapacity({ startPerSecond, probe: probe(1) });
  if (settings.replicas === 1 || alone.ratePerSecond === 0) return alone;
  return searchCapacity({
    startPerSecond: alone.ratePerSecond * settings.replicas,
    firstFactor: 1.15,
    precisionRatio: 0.05,
    probe: probe(settings.replicas),
  });
}

/** Half of what the prompts alone would allow one replica. */
function firstRate(machine: Machine, arrivals: readonly Arrival[]): number {
  const promptMs = arrivals.reduce((sum, { promptTokens }) => sum + promptAloneMs(machine, promptTokens), 0);
  return (500 * arrivals.length) / promptMs;
}

async function sweepAll(
  results: readonly CapacityResult[],
  machine: Machine,
  tbtMs: number | undefined,
  fleet: { readonly replicas: number; readonly arrivals: readonly Arrival[] },
  stage: (text: string) => void,
): Promise<readonly CapacityResult[]> {
  const best = Math.max(...results.map((one) => one.capacityPerSecond));
  const swept: CapacityResult[] = [];
  for (const result of results) {
    stage(`plotting ${result.subject}, ${result.objective} objective`);
    const { tokenBudget } = objectives(machine, tbtMs).find(({ name }) => name === result.objective)!;
    const settings = { machine, policy: result.subject as PolicyName, tokenBudget, tbtMs: result.tbtMs, ...fleet };
    const sweep: TrialResult[] = [];
    if (best > 0) for (const share of SWEEP) sweep.push(await runTrial(settings, best * share, true));
    swept.push({ ...result, sweep });
  }
  return swept;
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
