import { figure, renderTable } from '../report/table.js';
import type { CapacityResult } from '../simulate/simulate.js';
import type { ObjectiveName, TraceName } from './capacity-settings.js';
import type { LongPromptResult } from './long-prompt.js';

/** What the trials of one policy came to, under one objective and for one trace. The subject is the policy. */
export interface CapacityTrialsResult extends CapacityResult {
  readonly kind: 'capacity';
  readonly trace: TraceName;
  readonly objective: ObjectiveName;
  /** The lowest rate tried that was too high; null where time was up before there was one. */
  readonly beyondPerSecond: number | null;
  /** What the simulator says of the same requests. */
  readonly simulatedPerSecond: number;
  /** How much that is more than measured; null where nothing was. */
  readonly simulatedDeviationRatio: number | null;
  readonly trials: number;
  /** Capacity over that of a comparator under the same objective and trace; null where it has none. */
  readonly ratioToPrefillFirst?: number | null;
  readonly ratioToIterationLevel?: number | null;
}

/** The same, each set beside the comparators. */
export function withRatios(results: readonly CapacityTrialsResult[]): readonly CapacityTrialsResult[] {
  return results.map((result) => {
    const ratioTo = (policy: string): number | null => {
      const other = results.find(
        ({ subject, trace, objective }) =>
          subject === policy && trace === result.trace && objective === result.objective,
      );
      return other && other.capacityPerSecond > 0 ? result.capacityPerSecond / other.capacityPerSecond : null;
    };
    return {
      ...result,
      ratioToPrefillFirst: ratioTo('prefill-first'),
      ratioToIterationLevel: ratioTo('iteration-level'),
    };
  });
}

export function capacityTable(results: readonly CapacityTrialsResult[]): string {
  const percent = (ratio: number | null): string =>
    ratio === null ? '–' : `${ratio < 0 ? '−' : '+'}${figure(Math.abs(100 * ratio))} %`;
  return renderTable<CapacityTrialsResult>(
    [
      { title: 'policy', align: 'left', cell: ({ subject }) => subject },
      { title: 'trace', align: 'left', cell: ({ trace }) => trace },
      { title: 'objective', align: 'left', cell: ({ objective, tbtMs }) => `${objective} ${figure(tbtMs)} ms` },
      { title: 'requests/s', align: 'right', cell: (one) => figure(one.capacityPerSecond) },
      { title: 'too many', align: 'right', cell: (one) => figure(one.beyondPerSecond) },
      { title: '× prefill-first', align: 'right', cell: (one) => figure(one.ratioToPrefillFirst) },
      { title: '× iteration-level', align: 'right', cell: (one) => figure(one.ratioToIterationLevel) },
      { title: 'TTFT P50 ms', align: 'right', cell: ({ atCapacity }) => figure(atCapacity?.ttftP50Ms) },
      { title: 'gap P99 ms', align: 'right', cell: ({ atCapacity }) => figure(atCapacity?.gapP99Ms) },
      { title: 'delay P50 ms', align: 'right', cell: ({ atCapacity }) => figure(atCapacity?.delayP50Ms) },
      { title: 'simulated', align: 'right', cell: (one) => figure(one.simulatedPerSecond) },
      { title: 'deviation', align: 'right', cell: (one) => percent(one.simulatedDeviationRatio) },
    ],
    results,
  );
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
