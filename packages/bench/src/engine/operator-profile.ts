import { readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type CompiledFiles, LaneModel, type LaneModelOptions } from '@sluice/worker';
import { figure, renderTable } from '../report/table.js';
import { benchSizes, CONTEXT_TOKENS, type PassCase } from './engine-cases.js';
import { fillSlots } from './fill-slots.js';
import { planOf } from './measure.js';

export interface OperatorProfile {
  readonly subject: string;
  /** Milliseconds of a pass by kind of operator, most first; `between` is what no operator took. */
  readonly operatorMs: Readonly<Record<string, number>>;
  /** Mean, under the profiler. */
  readonly passMs: number;
}

/** What the runtime writes of a run or of an operator in it; microseconds. */
interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/** Passes in front of those that count. */
const WARM_UP = 2;

/** One shape of a pass on a session of its own, under the runtime's profiler. */
export async function profilePass(
  { files, library }: { readonly files: CompiledFiles; readonly library: Pick<LaneModelOptions, 'operatorLibrary'> },
  one: PassCase,
  threads: number,
  repeats: number,
): Promise<OperatorProfile> {
  const fits = ({ chunks, decodeTokens }: CompiledFiles['graphs'][number]): boolean =>
    chunks === one.chunks.length && decodeTokens === 1;
  // With own kernels there is one graph for all passes.
  const graphs = files.kernels === 'own' ? files.graphs : files.graphs.filter(fits);
  const profilePrefix = path.join(os.tmpdir(), `sluice-profile-${process.pid}`);
  const model = new LaneModel({ ...files, graphs }, { ...benchSizes, ...library, threads, profilePrefix });
  let traces: readonly string[] = [];
  try {
    fillSlots(model, CONTEXT_TOKENS);
    const plan = planOf(one, model.limits.vocabularyCount);
    for (let run = 0; run < WARM_UP + repeats; run++) await model.forward(plan);
    traces = model.endProfiling();
    const events = traces.flatMap((file) => JSON.parse(readFileSync(file, 'utf8')) as TraceEvent[]);
    return { subject: one.subject, ...operatorTimes(events, repeats) };
  } finally {
    for (const file of traces) rmSync(file, { force: true });
    model.close();
  }
}

/** A row for each kind of operator that takes a hundredth of any of the passes, a column for each pass; milliseconds. */
export function profileTable(profiles: readonly OperatorProfile[]): string {
  const kinds = new Set(profiles.flatMap(({ operatorMs }) => Object.keys(operatorMs)));
  const shareOf = (kind: string): number =>
    Math.max(...profiles.map(({ operatorMs, passMs }) => (operatorMs[kind] ?? 0) / passMs));
  const shown = [...kinds].filter((kind) => shareOf(kind) >= 0.01).sort((a, b) => shareOf(b) - shareOf(a));
  const sum = (kind: string, { operatorMs, passMs }: OperatorProfile): number =>
    kind === 'all' ? passMs : (operatorMs[kind] ?? 0);
  return renderTable<string>(
    [
      { title: 'operator', align: 'left', cell: (kind) => kind },
      ...profiles.map((profile) => ({
        title: profile.subject,
        align: 'right' as const,
        cell: (kind: string) => figure(sum(kind, profile)),
      })),
    ],
    ['all', ...shown],
  );
}

/** The last `passes` runs of a trace. */
export function operatorTimes(events: readonly TraceEvent[], passes: number): Omit<OperatorProfile, 'subject'> {
  const runs = events.filter(({ cat, name }) => cat === 'Session' && name === 'model_run').slice(-passes);
  const startUs = runs[0]?.ts ?? 0;
  const totals = new Map<string, number>();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== 'Node' || args?.op_name === undefined || ts < startUs) continue;
    const kind = kindOf(args.op_name, name);
    totals.set(kind, (totals.get(kind) ?? 0) + dur);
  }
  const passMs = runs.reduce((sum, { dur }) => sum + dur, 0) / runs.length / 1000;
  const byTime = [...totals].sort((a, b) => b[1] - a[1]);
  const operatorMs = Object.fromEntries(byTime.map(([kind, us]) => [kind, us / runs.length / 1000]));
  const inOperators = Object.values(operatorMs).reduce((sum, ms) => sum + ms, 0);
  return { passMs, operatorMs: { ...operatorMs, between: Math.max(0, passMs - inOperators) } };
}

/** Linear layers and attention by their place in a layer, everything else by its operator. */
function kindOf(operator: string, node: string): string {
  if (!/MatMul|Attention/.test(operator)) return operator;
  const place = node
    .replace(/_kernel_time$/, '')
    .replace(/_out\b|\blayer\d+\./g, '')
    .replace(/\b(decode|chunk)\d+/, '$1');
  return `${operator} ${place}`;
}
