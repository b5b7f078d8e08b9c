import type { BenchContext, Benchmark, BenchOutcome, BenchResult, BenchValues } from '../benchmark.js';
import { openFilesMax } from '../io/open-files.js';
import type { Progress } from '../io/progress.js';
import { type CostRatios, costRatios, type GatewayRound, middleRound, withCosts } from './gateway-costs.js';
import { type GatewayKill, measureKill } from './gateway-kill.js';
import { type GatewayMeasurement, type LoadKind, measureGateway } from './gateway-load.js';
import { type GatewaySettings, gatewayFlags, readGatewaySettings, type SubjectName } from './gateway-settings.js';
import { type GatewaySubject, gatewaySubjects } from './gateway-subjects.js';
import { gatewayTable } from './gateway-table.js';

/** One gateway under one load. */
export interface GatewayResult extends BenchResult {
  readonly own: boolean;
  /** Empty for ours, whose commit is in the report. */
  readonly version: string;
  /** `requests`: of one token, not streamed. */
  readonly load: 'streams' | 'requests' | 'kill';
  /** Of `streams` and `requests`; null where it could not be measured. */
  readonly measured: (GatewayRound & CostRatios) | null;
  /** CPU µs per token or request of every round, in the order in which they ran. */
  readonly roundsCpuUs: readonly (number | null)[];
  /** Of `kill`; null otherwise. */
  readonly kill: GatewayKill | null;
  readonly unmeasured: string | null;
}

/** What a gateway costs, beside others, in front of engines that cost nothing. */
export const gatewayBenchmark: Benchmark = {
  summary: 'CPU, memory and delay of the gateway beside other gateways, in front of mock engines',
  flags: gatewayFlags,
  run,
};

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const settings = readGatewaySettings(values, quick);
  requireOpenFiles(settings);
  const subjects: Subject[] = [];
  for (const name of settings.subjects) subjects.push(await prepare(name, progress));
  const loads: LoadKind[] = [
    { kind: 'requests' },
    ...settings.streams.map((streams): LoadKind => ({ kind: 'streams', streams })),
  ];
  const results: GatewayResult[] = [];
  for (const load of loads) results.push(...(await runLoad(load, subjects, settings, progress)));
  if (settings.kill) {
    for (const subject of subjects) {
      if (subject.name !== 'direct') results.push(await runKill(subject, progress));
    }
  }
  const own = results.filter((one) => one.own);
  const valid = own.every(({ measured, kill }) => (measured ?? kill) !== null);
  return { settings, results, table: gatewayTable(results), valid };
}

/** What could not be installed stays in the tables, with the reason. */
interface Subject {
  readonly name: SubjectName;
  readonly gateway: GatewaySubject | undefined;
  readonly reason: string;
}

async function prepare(name: SubjectName, progress: Progress): Promise<Subject> {
  try {
    return { name, gateway: await gatewaySubjects[name](progress), reason: '' };
  } catch (thrown) {
    return { name, gateway: undefined, reason: reasonOf(thrown) };
  }
}

/** Subjects take turns within a round, so that what the machine does meanwhile hits all alike. */
async function runLoad(
  load: LoadKind,
  subjects: readonly Subject[],
  settings: GatewaySettings,
  progress: Progress,
): Promise<GatewayResult[]> {
  const at = load.kind === 'streams' ? `${load.streams} streams` : `requests of one token`;
  const rounds = new Map<SubjectName, GatewayRound[]>(subjects.map(({ name }) => [name, []]));
  const reasons = new Map<SubjectName, string>();
  for (const subject of subjects) {
    const reason = subject.gateway === undefined ? subject.reason : tooMuch(subject.gateway, load, settings);
    if (reason !== undefined) reasons.set(subject.name, reason);
  }
  for (let round = 1; round <= settings.rounds; round++) {
    let direct: GatewayMeasurement | undefined;
    for (const { name, gateway } of subjects) {
      if (gateway === undefined || reasons.has(name)) continue;
      progress.stage(`${at}, round ${round} of ${settings.rounds}: ${name}`);
      try {
        const measured = await measureGateway(gateway, load, settings);
        if (name === 'direct') direct = measured;
        rounds.get(name)!.push(withCosts(measured, direct));
      } catch (thrown) {
        reasons.set(name, reasonOf(thrown));
      }
    }
  }
  const cpuUs = (round: GatewayRound): number | null =>
    load.kind === 'streams' ? round.cpuUsPerToken : round.cpuUsPerRequest;
  const rows = subjects.map(({ name, gateway }) => {
    const own = name === 'sluice';
    const all = rounds.get(name)!;
    const middle = all.length === 0 ? null : middleRound(all);
    return { subject: name, own, version: gateway?.version ?? '', middle, all, cpuUs: middle && cpuUs(middle) };
  });
  return rows.map(({ subject, own, version, middle, all, ...row }) => ({
    subject,
    own,
    version,
    load: load.kind,
    measured: middle === null ? null : { ...middle, ...costRatios({ subject, own, ...row }, rows) },
    roundsCpuUs: all.map(cpuUs),
    kill: null,
    unmeasured: reasons.get(subject) ?? null,
  }));
}

async function runKill({ name, gateway, reason }: Subject, progress: Progress): Promise<GatewayResult> {
  const common = { subject: name, own: name === 'sluice', version: gateway?.version ?? '', load: 'kill' } as const;
  const empty = { ...common, measured: null, roundsCpuUs: [], kill: null };
  if (gateway === undefined) return { ...empty, unmeasured: reason };
  progress.stage(`an engine killed under streams: ${name}`);
  try {
    return { ...empty, kill: await measureKill(gateway), unmeasured: null };
  } catch (thrown) {
    return { ...empty, unmeasured: reasonOf(thrown) };
  }
}

function tooMuch({ limits }: GatewaySubject, load: LoadKind, { quick }: GatewaySettings): string | undefined {
  if (limits === undefined || load.kind === 'requests') return undefined;
  const streamsMax = quick ? limits.quickStreamsMax : limits.streamsMax;
  if (load.streams <= streamsMax) return undefined;
  return `left out: ${load.streams} streams at the ${limits.tokensPerSecondMax} tokens a second that it carries take minutes`;
}

/** A stream is two sockets of a gateway. */
const OPEN_FILES_BESIDE_STREAMS = 300;

/** @throws Error that says what is missing, before minutes are spent. */
function requireOpenFiles({ streams }: GatewaySettings): void {
  const wanted = 2 * Math.max(...streams) + OPEN_FILES_BESIDE_STREAMS;
  const allowed = openFilesMax() ?? wanted;
  if (allowed >= wanted) return;
  throw new Error(
    `--streams ${Math.max(...streams)} needs ${wanted} open files in a process, and ${allowed} are allowed (ulimit -Hn)`,
  );
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
