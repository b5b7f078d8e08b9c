import type { BenchContext, Benchmark, BenchOutcome, BenchResult, BenchValues } from '../benchmark.js';
import { figure, renderTable } from '../report/table.js';
import { type GatewayMeasurement, type LoadKind, measureGateway } from './gateway-load.js';
import { gatewayFlags, readGatewaySettings, type SubjectName } from './gateway-settings.js';
import { directSubject, type GatewaySubject, sluiceSubject } from './gateway-subjects.js';

/** One gateway under one load. */
export interface GatewayResult extends BenchResult {
  readonly own: boolean;
  /** `streams` or `requests` (of one token, not streamed). */
  readonly load: LoadKind['kind'];
  /** Figures of the round in the middle by CPU time; null where it could not be measured. */
  readonly measured: (GatewayMeasurement & Costs) | null;
  readonly unmeasured: string | null;
}

interface Costs {
  readonly cpuUsPerToken: number | null;
  readonly cpuUsPerRequest: number | null;
  /** Memory at the peak above that before the load, by streams. */
  readonly kbPerStream: number | null;
  /** Above those of `direct` under the same load, where it is in the run. */
  readonly addedTtftMs: { readonly p50: number; readonly p99: number } | null;
  readonly addedGapMs: { readonly p50: number; readonly p99: number } | null;
}

/** What a gateway costs, beside others, in front of engines that cost nothing. */
export const gatewayBenchmark: Benchmark = {
  summary: 'CPU, memory and delay of the gateway beside other gateways, in front of mock engines',
  flags: gatewayFlags,
  run,
};

async function run(values: BenchValues, { quick, progress }: BenchContext): Promise<BenchOutcome> {
  const settings = readGatewaySettings(values, quick);
  const loads: LoadKind[] = [
    { kind: 'requests' },
    ...settings.streams.map((streams): LoadKind => ({ kind: 'streams', streams })),
  ];
  const results: GatewayResult[] = [];
  for (const load of loads) {
    let direct: GatewayMeasurement | undefined;
    for (const name of settings.subjects) {
      const at = load.kind === 'streams' ? `${load.streams} streams` : `${settings.requests} requests of one token`;
      progress.stage(`${name}: ${at}`);
      try {
        const subject = await subjects[name]();
        const rounds: GatewayMeasurement[] = [];
        for (let round = 0; round < settings.rounds; round++)
          rounds.push(await measureGateway(subject, load, settings));
        const middle = rounds.sort((a, b) => (a.cpuMs ?? 0) - (b.cpuMs ?? 0))[rounds.length >> 1]!;
        if (name === 'direct') direct = middle;
        const measured = { ...middle, ...costs(middle, direct) };
        results.push({ subject: name, own: subject.own, load: load.kind, measured, unmeasured: null });
      } catch (thrown) {
        const unmeasured = thrown instanceof Error ? thrown.message : String(thrown);
        results.push({ subject: name, own: name === 'sluice', load: load.kind, measured: null, unmeasured });
        progress.stage(`${name}: ${unmeasured}`);
      }
    }
  }
  const own = results.filter((one) => one.own);
  return { settings, results, table: gatewayTable(results), valid: own.every(({ measured }) => measured !== null) };
}

const subjects: Readonly<Record<SubjectName, () => Promise<GatewaySubject>>> = {
  direct: async () => directSubject(),
  sluice: async () => sluiceSubject(),
};

function costs(measured: GatewayMeasurement, direct: GatewayMeasurement | undefined): Costs {
  const { cpuMs, tokens, requests, streams, idleMb, peakMb } = measured;
  const above = (key: 'ttftMs' | 'gapMs') =>
    direct === undefined || direct === measured
      ? null
      : { p50: measured[key].p50 - direct[key].p50, p99: measured[key].p99 - direct[key].p99 };
  return {
    cpuUsPerToken: cpuMs === null || tokens === 0 ? null : (cpuMs * 1000) / tokens,
    cpuUsPerRequest: cpuMs === null || requests === 0 ? null : (cpuMs * 1000) / requests,
    kbPerStream: idleMb === null || peakMb === null ? null : ((peakMb - idleMb) * 1024) / streams,
    addedTtftMs: above('ttftMs'),
    addedGapMs: above('gapMs'),
  };
}

export function gatewayTable(results: readonly GatewayResult[]): string {
  const streams = results.filter(({ load }) => load === 'streams');
  const requests = results.filter(({ load }) => load === 'requests');
  const both = (pair: { readonly p50: number; readonly p99: number } | null | undefined): string =>
    pair === null || pair === undefined ? '–' : `${figure(pair.p50)} / ${figure(pair.p99)}`;
  const subject = { title: 'gateway', align: 'left', cell: (one: GatewayResult) => one.subject } as const;
  const ends = ({ measured, unmeasured }: GatewayResult): string =>
    measured === null ? (unmeasured ?? '') : `${measured.errors} / ${measured.truncated} of ${measured.requests}`;
  const requestTable = renderTable<GatewayResult>(
    [
      subject,
      { title: 'CPU µs/request', align: 'right', cell: ({ measured }) => figure(measured?.cpuUsPerRequest) },
      { title: 'answer P50 / P99 ms', align: 'right', cell: ({ measured }) => both(measured?.ttftMs) },
      { title: 'peak MB', align: 'right', cell: ({ measured }) => figure(measured?.peakMb) },
      { title: 'errors / cut', align: 'left', cell: ends },
    ],
    requests,
  );
  const streamTable = renderTable<GatewayResult>(
    [
      { title: 'streams', align: 'right', cell: ({ measured }) => `${measured?.streams ?? '–'}` },
      subject,
      { title: 'CPU µs/token', align: 'right', cell: ({ measured }) => figure(measured?.cpuUsPerToken) },
      { title: 'first P50 / P99 ms', align: 'right', cell: ({ measured }) => both(measured?.ttftMs) },
      { title: 'added to it', align: 'right', cell: ({ measured }) => both(measured?.addedTtftMs) },
      { title: 'gap P50 / P99 ms', align: 'right', cell: ({ measured }) => both(measured?.gapMs) },
      { title: 'peak MB', align: 'right', cell: ({ measured }) => figure(measured?.peakMb) },
      { title: 'kB/stream', align: 'right', cell: ({ measured }) => figure(measured?.kbPerStream) },
      { title: 'machine busy', align: 'right', cell: ({ measured }) => percent(measured?.busyRatio) },
      { title: 'errors / cut', align: 'left', cell: ends },
    ],
    streams,
  );
  return `${requestTable}\n\n${streamTable}`;
}

function percent(ratio: number | null | undefined): string {
  return ratio === null || ratio === undefined ? '–' : `${Math.round(100 * ratio)} %`;
}
