import { admissionOrder } from './admission-order.js';
import { ageing } from './ageing.js';
import { blockConservation } from './block-conservation.js';
import { busySequences } from './busy-sequences.js';
import { cachedTokens } from './cached-tokens.js';
import { cancel } from './cancel.js';
import type { Checker } from './checker.js';
import { copiedState } from './copied-state.js';
import { costsApart } from './costs-apart.js';
import { decodeGap } from './decode-gap.js';
import { executorsBusy } from './executors-busy.js';
import { failedPass } from './failed-pass.js';
import { fairShares } from './fair-shares.js';
import { lateTurn } from './late-turn.js';
import { liveness } from './liveness.js';
import { loadReport } from './load-report.js';
import { modelContract } from './model-contract.js';
import { neverPreempts } from './never-preempts.js';
import { newsAtOnce } from './news-at-once.js';
import { oracleText } from './oracle-text.js';
import { preemptedFirst } from './preempted-first.js';
import { promotion } from './promotion.js';
import { queueBound } from './queue-bound.js';
import { refusals } from './refusals.js';
import { shortestFirst } from './shortest-first.js';
import { slotConservation } from './slot-conservation.js';
import { stallFree } from './stall-free.js';
import { stepBudget } from './step-budget.js';
import { streamOrder } from './stream-order.js';
import { timeBudget } from './time-budget.js';
import { timeliness } from './timeliness.js';

/** What holds under every policy. */
const always = {
  liveness,
  'model-contract': modelContract,
  'oracle-text': oracleText,
  'stream-order': streamOrder,
  'slot-conservation': slotConservation,
  'block-conservation': blockConservation,
  cancel,
  'failed-pass': failedPass,
  refusals,
  'queue-bound': queueBound,
  'load-report': loadReport,
  'preempted-first': preemptedFirst,
  'cached-tokens': cachedTokens,
  'copied-state': copiedState,
  'busy-sequences': busySequences,
  'costs-apart': costsApart,
  'news-at-once': newsAtOnce,
  timeliness,
} satisfies Record<string, Checker>;

/** What a policy may promise on top. */
const promises = {
  'step-budget': stepBudget,
  'stall-free': stallFree,
  'decode-gap': decodeGap,
  'admission-order': admissionOrder,
  'never-preempts': neverPreempts,
  'time-budget': timeBudget,
  'late-turn': lateTurn,
  'executors-busy': executorsBusy,
  'fair-shares': fairShares,
  'shortest-first': shortestFirst,
  promotion,
  ageing,
} satisfies Record<string, Checker>;

type Promised = keyof typeof promises;

/**
 * A policy without a line promises nothing but what holds under every one. Only slo has passes run side by side; what the
 * others promise is about passes one after the other, on any number of executors.
 */
const promisesOf: Readonly<Record<string, readonly Promised[]>> = {
  slo: ['stall-free', 'time-budget', 'late-turn', 'executors-busy'],
  sarathi: ['step-budget', 'stall-free', 'decode-gap', 'admission-order'],
  'chunk-only': ['step-budget', 'admission-order'],
  'hybrid-only': ['stall-free', 'admission-order'],
  'prefill-first': ['admission-order'],
  'iteration-level': ['stall-free', 'admission-order', 'never-preempts'],
  'request-level': ['admission-order', 'never-preempts'],
  mlfq: ['promotion'],
  sjf: ['shortest-first', 'ageing'],
  vtc: ['fair-shares', 'ageing'],
};

/** `determinism` compares two runs and so is no {@link Checker}; see check-seed.ts. */
export type CheckerName = keyof typeof always | Promised | 'determinism';

export const checkerNames: readonly CheckerName[] = [
  ...(Object.keys(always) as (keyof typeof always)[]),
  ...(Object.keys(promises) as Promised[]),
  'determinism',
];

/** The checkers that a policy has to satisfy, by name. */
export function checkersOf(policy: string): readonly (readonly [CheckerName, Checker])[] {
  const promised = (promisesOf[policy] ?? []).map((name) => [name, promises[name]] as const);
  return [...(Object.entries(always) as [keyof typeof always, Checker][]), ...promised];
}
