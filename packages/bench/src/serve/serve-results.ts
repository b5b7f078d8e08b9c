import type { BenchResult } from '../benchmark.js';
import { addCosts, type LoadSummary, summarize } from '../load/load-summary.js';
import { type Column, figure, renderTable } from '../report/table.js';
import type { LoadPlan, Measurement } from './measure.js';
import type { Subject } from './subject.js';

/** One subject at one concurrency: all its passes together. */
export interface ServeResult extends BenchResult, LoadSummary {
  readonly own: boolean;
  readonly concurrency: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** `totalTokensPerSecond` of each pass: how far the machine's own moods moved it. */
  readonly passTotalTokensPerSecond: readonly number[];
  /** Ours: its `totalTokensPerSecond` over that of the best peer at this concurrency. Null for peers and without any. */
  readonly ratioToBestPeer: number | null;
  /** Why there are no figures, if it could not be measured. */
  readonly unmeasured: string | null;
}

/** What came out of the measurements of one subject at one concurrency. */
export interface ServeCell {
  readonly subject: Subject;
  readonly plan: LoadPlan;
  readonly passes: readonly Measurement[];
  readonly unmeasured: string | undefined;
}

export function serveResults(cells: readonly ServeCell[]): ServeResult[] {
  const results = cells.map(serveResult);
  return results.map((result) => {
    const peers = results.filter((other) => !other.own && other.concurrency === result.concurrency);
    const best = Math.max(0, ...peers.map((peer) => peer.totalTokensPerSecond));
    if (!result.own || best === 0) return result;
    return { ...result, ratioToBestPeer: Number((result.totalTokensPerSecond / best).toFixed(3)) };
  });
}

/** Whether every request of every measurement of ours came to its full end. */
export function ownWhole(results: readonly ServeResult[]): boolean {
  return results.every((result) => !result.own || (result.requests > 0 && result.complete === result.requests));
}

export function serveTable(results: readonly ServeResult[]): string {
  const faults = results
    .map(({ subject, concurrency, unmeasured, faults }) => ({
      where: `${subject} at ${concurrency}`,
      why: [unmeasured ?? [], faults].flat(),
    }))
    .filter(({ why }) => why.length > 0)
    .map(({ where, why }) => `${where}: ${why.join('; ')}`);
  const disturbed = results.filter((result) => (disturbance(result) ?? 0) > disturbanceMax).length;
  const warning = `${disturbed} of ${results.length} rows were measured while others took more than ${percent(disturbanceMax)} of the machine: measure again when it is quiet.`;
  const notes = [...faults, ...(disturbed > 0 ? [warning] : [])];
  return [renderTable(columns, results), ...(notes.length > 0 ? ['', ...notes] : [])].join('\n');
}

/** Above it, figures say more about the neighbours. llama-server suffers most: its threads wait for each other by spinning. */
const disturbanceMax = 0.05;

const columns: readonly Column<ServeResult>[] = [
  { title: 'at once', align: 'right', cell: (row) => `${row.concurrency}` },
  { title: 'subject', align: 'left', cell: (row) => row.subject },
  number('total tok/s', (row) => row.totalTokensPerSecond),
  number('× best peer', (row) => row.ratioToBestPeer),
  number('output tok/s', (row) => row.outputTokensPerSecond),
  number('first P50 ms', (row) => row.ttftMs?.p50),
  number('P99 ms', (row) => row.ttftMs?.p99),
  number('gap P50 ms', (row) => row.gapMs?.p50),
  number('P99 ms', (row) => row.gapMs?.p99),
  number('CPU µs/tok', (row) => row.cpuUsPerToken),
  number('MB', (row) => row.residentMb),
  { title: 'others', align: 'right', cell: (row) => percent(disturbance(row)) },
  { title: 'complete', align: 'left', cell: completeCell },
];

/** The share of the machine that was not there for the measurement; undefined if unknown. */
function disturbance({ othersCpuRatio, stolenCpuRatio }: ServeResult): number | undefined {
  return othersCpuRatio === null ? undefined : othersCpuRatio + (stolenCpuRatio ?? 0);
}

function percent(ratio: number | undefined): string {
  return ratio === undefined ? '–' : `${(ratio * 100).toFixed(0)} %`;
}

function completeCell({ complete, requests, truncated, errors }: ServeResult): string {
  const lost = [truncated > 0 ? `${truncated} cut` : [], errors > 0 ? `${errors} failed` : []].flat();
  return [`${complete}/${requests}`, ...lost].join(', ');
}

function number(title: string, value: (row: ServeResult) => number | null | undefined): Column<ServeResult> {
  return { title, align: 'right', cell: (row) => figure(value(row)) };
}

function serveResult({ subject, plan, passes, unmeasured }: ServeCell): ServeResult {
  const records = passes.flatMap((pass) => pass.records);
  return {
    subject: subject.name,
    own: subject.own,
    concurrency: plan.concurrency,
    promptTokens: plan.promptTokens,
    outputTokens: plan.outputTokens,
    ...summarize(records, addCosts(passes.map((pass) => pass.cost))),
    passTotalTokensPerSecond: passes.map((pass) => summarize(pass.records, pass.cost).totalTokensPerSecond),
    ratioToBestPeer: null,
    unmeasured: unmeasured ?? null,
  };
}
