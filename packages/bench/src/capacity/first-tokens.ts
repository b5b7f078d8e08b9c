import type { BenchResult } from '../benchmark.js';
import { figure, renderTable } from '../report/table.js';
import type { CapacityTrialsResult } from './capacity-table.js';
import { runEngineTrial } from './engine-trial.js';
import type { SearchCase } from './policy-search.js';

/** The first tokens of a policy beside those of hybrid-only, which lets prompts in whole, at hybrid-only's capacity. */
export interface FirstTokensResult extends BenchResult {
  readonly kind: 'first-tokens';
  readonly trace: CapacityTrialsResult['trace'];
  readonly objective: CapacityTrialsResult['objective'];
  readonly ratePerSecond: number;
  readonly ttftP50Ms: number;
  readonly hybridOnlyTtftP50Ms: number;
  /** Below 1 the policy is sooner. */
  readonly ratioToHybridOnly: number;
}

/** One trial of the policy at the rate of another's, run to its end. */
export async function measureFirstTokens(
  { model, machine, load, policy }: SearchCase,
  hybridOnly: NonNullable<CapacityTrialsResult['atCapacity']>,
): Promise<FirstTokensResult> {
  const { ratePerSecond } = hybridOnly;
  const tokenBudget = machine.tokenBudget[load.objective === 'relaxed' ? 'relaxed' : 'strict'];
  const settings = { policy, tbtMs: load.tbtMs, tokenBudget, kvTokensMax: machine.kvTokensMax };
  const { ttftP50Ms } = await runEngineTrial(model, settings, load.at(ratePerSecond), ratePerSecond, true);
  return {
    subject: policy,
    kind: 'first-tokens',
    trace: load.trace,
    objective: load.objective,
    ratePerSecond,
    ttftP50Ms,
    hybridOnlyTtftP50Ms: hybridOnly.ttftP50Ms,
    ratioToHybridOnly: ttftP50Ms / hybridOnly.ttftP50Ms,
  };
}

export function firstTokensTable(results: readonly FirstTokensResult[]): string {
  return renderTable<FirstTokensResult>(
    [
      { title: "first tokens at hybrid-only's capacity", align: 'left', cell: ({ subject }) => subject },
      { title: 'trace', align: 'left', cell: ({ trace }) => trace },
      { title: 'objective', align: 'left', cell: ({ objective }) => objective },
      { title: 'requests/s', align: 'right', cell: ({ ratePerSecond }) => figure(ratePerSecond) },
      { title: 'TTFT P50 ms', align: 'right', cell: ({ ttftP50Ms }) => figure(ttftP50Ms) },
      { title: "hybrid-only's", align: 'right', cell: ({ hybridOnlyTtftP50Ms }) => figure(hybridOnlyTtftP50Ms) },
      { title: '× hybrid-only', align: 'right', cell: ({ ratioToHybridOnly }) => figure(ratioToHybridOnly) },
    ],
    results,
  );
}
