import type { Candidates, LogitsRow } from '../step-plan.js';
import type { LogitAdjustments } from './logit-adjustments.js';

/** Tokens that a draw may choose from, likeliest first. */
export interface Pool {
  readonly tokenIds: Int32Array;
  /** Parallel: unnormalised probabilities; any common factor. */
  readonly weights: Float64Array;
  /** So many of the first are known to be the likeliest of the whole vocabulary, in order. */
  readonly exact: number;
  /** Weight of the whole vocabulary, pool or not. */
  readonly totalMass: number;
  /** The pool is the whole vocabulary. */
  readonly whole: boolean;
}

/** Below this share of untouched probability the correction of the log-sum-exp would lose its digits. */
const MASS_MIN = 0.05;

/**
 * The model's candidates after penalties: touched ones change their place, touched ones from outside join, and all that
 * is still above the last candidate is exactly ranked, since no untouched token outside can be above it. Undefined when
 * penalties took so much that the total is not known well enough, or a bias gave so much that it is no number.
 */
export function poolOf(
  row: LogitsRow,
  candidates: Candidates,
  logSumExp: number,
  temperature: number,
  adjustments: LogitAdjustments | undefined,
): Pool | undefined {
  const weight = (logit: number): number => Math.exp(logit / temperature - logSumExp);
  const { tokenIds, logits } = candidates;
  const whole = tokenIds.length === row.logits.length;
  if (adjustments === undefined || adjustments.touched.size === 0) {
    const weights = Float64Array.from(logits, weight);
    return { tokenIds, weights, exact: tokenIds.length, totalMass: 1, whole };
  }
  const { touched } = adjustments;
  const entries: Entry[] = [];
  tokenIds.forEach((tokenId, index) => {
    if (!touched.has(tokenId)) entries.push({ tokenId, logit: logits[index]! });
  });
  let totalMass = 1;
  for (const tokenId of touched) {
    const before = row.logits[tokenId];
    if (before === undefined) continue;
    const logit = adjustments.adjust(tokenId, before);
    entries.push({ tokenId, logit });
    totalMass += weight(logit) - weight(before);
  }
  if (!(totalMass > MASS_MIN && totalMass < Number.POSITIVE_INFINITY)) return undefined;
  entries.sort(byRank);
  const last: Entry = { tokenId: tokenIds[tokenIds.length - 1]!, logit: logits[logits.length - 1]! };
  const below = entries.findIndex((entry) => byRank(entry, last) > 0);
  return {
    tokenIds: Int32Array.from(entries, (entry) => entry.tokenId),
    weights: Float64Array.from(entries, (entry) => weight(entry.logit)),
    exact: whole || below < 0 ? entries.length : below,
    totalMass,
    whole: whole && entries.length === row.logits.length,
  };
}

/** Every token, ranked: about 10 ms for 49,000 tokens, for the rows that their candidates do not decide. */
export function wholeVocabulary(row: LogitsRow, temperature: number, adjustments: LogitAdjustments | undefined): Pool {
  const logits = Float32Array.from(row.logits);
  for (const tokenId of adjustments?.touched ?? []) {
    const logit = logits[tokenId];
    if (logit !== undefined) logits[tokenId] = adjustments!.adjust(tokenId, logit);
  }
  const tokenIds = Int32Array.from(logits, (_, tokenId) => tokenId);
  tokenIds.sort((a, b) => rank(a, logits[a]!, b, logits[b]!));
  const highest = logits[tokenIds[0]!]!;
  const weights = Float64Array.from(tokenIds, (tokenId) => Math.exp((logits[tokenId]! - highest) / temperature));
  const totalMass = weights.reduce((sum, weight) => sum + weight, 0);
  return { tokenIds, weights, exact: tokenIds.length, totalMass, whole: true };
}

/** Below 0 when token a comes first: the higher logit, of equals the lower id. */
export function rank(a: number, aLogit: number, b: number, bLogit: number): number {
  return bLogit - aLogit || a - b;
}

interface Entry {
  readonly tokenId: number;
  readonly logit: number;
}

function byRank(a: Entry, b: Entry): number {
  return rank(a.tokenId, a.logit, b.tokenId, b.logit);
}
