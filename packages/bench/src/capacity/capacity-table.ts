import type { BenchResult } from '../benchmark.js';
import { figure, renderTable } from '../report/table.js';
import type { ObjectiveName, TraceName } from './capacity-settings.js';
import type { LongPromptResult } from './long-prompt.js';
import type { MeasuredCapacity } from './measured-search.js';
import type { StepErrors } from './step-watch.js';

/** A fixed token budget and what it came to. */
export interface TriedBudget extends Pick<MeasuredCapacity, 'capacityPerSecond' | 'onlyAbovePerSecond'> {
  readonly tokenBudget: number;
}

/** What the trials of a policy or a server came to, under one objective and for one trace. */
export interface CapacityTrialsResult extends BenchResult, MeasuredCapacity, StepErrors {
  readonly kind: 'capacity';
  readonly trace: TraceName;
  readonly objective: ObjectiveName;
  /** Of mixed objectives the strict one. */
  readonly tbtMs: number;
  /** The best of those tried; null where the subject has none. */
  readonly tokenBudget: number | null;
  readonly budgetsTried: readonly TriedBudget[];
  /** What the simulator says of the same requests; null of a server. */
  readonly simulatedPerSecond: number | null;
  /** How much that is more than measured; null where nothing was. */
  readonly simulatedDeviationRatio: number | null;
  /** Capacity over that of a comparator under the same objective and trace; null where it has none. */
  readonly ratioToPrefillFirst?: number | null;
  readonly ratioToIterationLevel?: number | null;
  readonly ratioToSarathi?: number | null;
  /** Over the best of llama-server's settings. */
  readonly ratioToLlamaServer?: number | null;
}

/** Of llama-server's results those under one objective and for one trace, the best first. */
export function llamaServersOf(
  results: readonly CapacityTrialsResult[],
  { trace, objective }: Pick<CapacityTrialsResult, 'trace' | 'objective'>,
): readonly CapacityTrialsResult[] {
  return results
    .filter((one) => one.subject.startsWith('llama-server') && one.trace === trace && one.objective === objective)
    .sort((a, b) => b.capacityPerSecond - a.capacityPerSecond);
}

/**
 * The same, each set beside the comparators. A comparator whose capacity is only a lower bound, because no rate that was
 * tried was too much for it, gives no ratio: it would flatter.
 */
export function withRatios(results: readonly CapacityTrialsResult[]): readonly CapacityTrialsResult[] {
  return results.map((result) => {
    const over = (other: CapacityTrialsResult | undefined): number | null =>
      other && other.capacityPerSecond > 0 && other.beyondPerSecond !== null
        ? result.capacityPerSecond / other.capacityPerSecond
        : null;
    const of = (policy: string): CapacityTrialsResult | undefined =>
      results.find(
        ({ subject, trace, objective }) =>
          subject === policy && trace === result.trace && objective === result.objective,
      );
    return {
      ...result,
      ratioToPrefillFirst: over(of('prefill-first')),
      ratioToIterationLevel: over(of('iteration-level')),
      ratioToSarathi: over(of('sarathi')),
      ratioToLlamaServer: over(llamaServersOf(results, result)[0]),
    };
  });
}

export function capacityTable(results: readonly CapacityTrialsResult[]): string {
  const percent = (ratio: number | null): string =>
    ratio === null ? '–' : `${ratio < 0 ? '−' : '+'}${figure(Math.abs(100 * ratio))} %`;
  return renderTable<CapacityTrialsResult>(
    [
      {
        title: 'subject',
        align: 'left',
        cell: ({ subject, tokenBudget }) => (tokenBudget === null ? subject : `${subject}, budget ${tokenBudget}`),
      },
      { title: 'trace', align: 'left', cell: ({ trace }) => trace },
      { title: 'objective', align: 'left', cell: ({ objective, tbtMs }) => `${objective} ${figure(tbtMs)} ms` },
      { title: 'requests/s', align: 'right', cell: capacityText },
      { title: 'too many', align: 'right', cell: (one) => figure(one.beyondPerSecond) },
      { title: '× prefill-first', align: 'right', cell: (one) => figure(one.ratioToPrefillFirst) },
      { title: '× iteration-level', align: 'right', cell: (one) => figure(one.ratioToIterationLevel) },
      { title: '× sarathi', align: 'right', cell: (one) => figure(one.ratioToSarathi) },
      { title: '× llama-server', align: 'right', cell: (one) => figure(one.ratioToLlamaServer) },
      { title: 'TTFT P50 ms', align: 'right', cell: ({ atCapacity }) => figure(atCapacity?.ttftP50Ms) },
      { title: 'gap P99 ms', align: 'right', cell: ({ atCapacity }) => figure(atCapacity?.gapP99Ms) },
      { title: 'delay P50 ms', align: 'right', cell: ({ atCapacity }) => figure(atCapacity?.delayP50Ms) },
      { title: 'simulated', align: 'right', cell: (one) => figure(one.simulatedPerSecond) },
      {
        title: 'deviation',
        align: 'right',
        cell: (one) => (one.beyondPerSecond === null ? '–' : percent(one.simulatedDeviationRatio)),
      },
      { title: 'steps: error', align: 'right', cell: (one) => percent(one.stepErrorRatio) },
      { title: 'bias', align: 'right', cell: (one) => percent(one.stepBiasRatio) },
    ],
    results,
  );
}

/**
 * What was searched only above another's capacity and kept no rate there has at most that; what no rate was too much for
 * has at least the highest one.
 */
function capacityText({ capacityPerSecond, beyondPerSecond, onlyAbovePerSecond }: CapacityTrialsResult): string {
  if (capacityPerSecond === 0 && onlyAbovePerSecond !== null) return `≤ ${figure(onlyAbovePerSecond)}`;
  return beyondPerSecond === null && capacityPerSecond > 0
    ? `≥ ${figure(capacityPerSecond)}`
    : figure(capacityPerSecond);
}

export function longPromptTable(results: readonly LongPromptResult[]): string {
  const { streams, promptTokens, tbtMs } = results[0] ?? { streams: 0, promptTokens: 0, tbtMs: 0 };
  return renderTable<LongPromptResult>(
    [
      {
        title: `${promptTokens} tokens among ${streams} streams`,
        align: 'left',
        cell: ({ subject }) => subject,
      },
      { title: 'gap before P99 ms', align: 'right', cell: ({ beforeMs }) => figure(beforeMs.p99) },
      { title: 'max ms', align: 'right', cell: ({ beforeMs }) => figure(beforeMs.max) },
      { title: 'gap after P99 ms', align: 'right', cell: ({ afterMs }) => figure(afterMs.p99) },
      { title: 'max ms', align: 'right', cell: ({ afterMs }) => figure(afterMs.max) },
      { title: "prompt's TTFT ms", align: 'right', cell: ({ ttftMs }) => figure(ttftMs) },
      { title: `P99 ≤ ${figure(tbtMs)} ms`, align: 'left', cell: ({ isWithin }) => (isWithin ? 'yes' : 'no') },
    ],
    results,
  );
}
