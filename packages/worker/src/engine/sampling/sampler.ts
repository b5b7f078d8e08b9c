import { assert } from '@sluice/shared';
import type { Logprobs, SamplingParams } from '../sequence.js';
import { type LogitsRow, type LogitsWant, wantBest } from '../step-plan.js';
import type { AllowedTokens } from './allowed-tokens.js';
import { type HeldTokens, LogitAdjustments } from './logit-adjustments.js';
import { type Pool, poolOf, rank, wholeVocabulary, widened } from './pool.js';

/** What a sequence needs of each row of logits to choose its tokens and report on them. */
export function wantFor(params: SamplingParams, logprobsTop: number | undefined, held?: HeldTokens): LogitsWant {
  const temperatures: number[] = [];
  if (params.temperature > 0) temperatures.push(params.temperature);
  // Greedy with penalties looks for the best token that no penalty touched: among the candidates.
  const isAdjusted = held !== undefined || LogitAdjustments.any(params);
  const needsOne = logprobsTop !== undefined || (params.temperature === 0 && isAdjusted);
  if (needsOne && params.temperature !== 1) temperatures.push(1);
  return temperatures.length === 0 ? wantBest : { temperatures };
}

/**
 * Chooses a token. Bias and penalties come first, then temperature, min_p, top_k, and top_p over what those left.
 * Works on the candidates that the model ranked, and reads the whole row only where they do not decide: a top_k above
 * their count, a flat distribution, or a draw from its tail.
 * @param draw uniform in [0, 1); not read when temperature is 0.
 */
export function sampleToken(
  row: LogitsRow,
  params: SamplingParams,
  adjustments: LogitAdjustments | undefined,
  draw: number,
): number {
  if (params.temperature === 0) return adjustments === undefined ? row.best : bestAdjusted(row, adjustments);
  const logSumExp = row.logSumExps[0];
  assert(logSumExp !== undefined && row.candidates !== undefined, 'a sampled row comes with candidates');
  const { temperature } = params;
  const pool = poolOf(row, row.candidates, logSumExp, temperature, adjustments);
  return (
    (pool && pick(pool, params, draw)) ??
    (pool && isUnrestricted(params) ? pickFromTail(row, pool, temperature, logSumExp, adjustments, draw) : undefined) ??
    (pool && !isUnrestricted(params) ? pickFromWidened(row, params, logSumExp, adjustments, draw) : undefined) ??
    pick(wholeVocabulary(row, temperature, adjustments), params, draw) ??
    row.best
  );
}

/** Log-probability of a token and of the likeliest ones, of the model's own distribution. */
export function logprobsOf(row: LogitsRow, want: LogitsWant, tokenId: number, top: number): Logprobs {
  const logSumExp = row.logSumExps[want.temperatures.indexOf(1)];
  assert(logSumExp !== undefined && row.candidates !== undefined, 'a row for log-probabilities comes with candidates');
  const { tokenIds, logits } = row.candidates;
  return {
    tokenId,
    logprob: row.logits[tokenId]! - logSumExp,
    top: Array.from({ length: Math.min(top, tokenIds.length) }, (_, index) => ({
      tokenId: tokenIds[index]!,
      logprob: logits[index]! - logSumExp,
    })),
  };
}

/** The token, or undefined where the pool does not hold all that the parameters may choose from. */
export function pick(pool: Pool, params: SamplingParams, draw: number): number | undefined {
  const { tokenIds, weights } = pool;
  let count = pool.exact;
  let mass = pool.totalMass;
  if (params.minP > 0) {
    const least = weights[0]! * params.minP;
    const end = weights.findIndex((weight) => weight < least);
    // Only a token whose rank is known shows that none behind it has enough.
    if (!pool.whole && (end < 0 || end >= pool.exact)) return undefined;
    count = end < 0 ? tokenIds.length : end;
    mass = sum(weights, count);
  }
  if (params.topK > 0 && (params.minP === 0 || params.topK < count)) {
    if (params.topK > pool.exact && !pool.whole) return undefined;
    count = Math.min(params.topK, tokenIds.length);
    mass = sum(weights, count);
  }
  if (params.topP < 1) {
    const target = params.topP * mass;
    let reached = 0;
    let kept = 0;
    while (kept < count && reached < target) reached += weights[kept++]!;
    // The whole vocabulary reaches any target but for rounding.
    if (reached < target && !pool.whole && params.topK === 0 && params.minP === 0) return undefined;
    count = Math.max(1, kept);
    mass = reached;
  }
  let rest = draw * mass;
  for (let index = 0; index < count; index++) {
    rest -= weights[index]!;
    if (rest < 0) return tokenIds[index]!;
  }
  // Rounding may leave a draw just behind the last token; a pool that holds everything ends with it.
  const holdsAll = pool.whole || params.topK > 0 || params.minP > 0 || params.topP < 1;
  return holdsAll ? tokenIds[count - 1] : undefined;
}

/** Whether every token may be drawn, as likely as it is. */
export function isUnrestricted(params: SamplingParams): boolean {
  return params.minP === 0 && params.topK === 0 && params.topP === 1;
}

/** How far below the candidates to look for more, in logits over temperature: e to that power is how much less likely. */
const DEPTHS = [1, 3, 6];

/** The parameters want more tokens than the candidates: some hundreds or thousands, seldom all. */
function pickFromWidened(
  row: LogitsRow,
  params: SamplingParams,
  logSumExp: number,
  adjustments: LogitAdjustments | undefined,
  draw: number,
): number | undefined {
  const { temperature } = params;
  for (const depth of DEPTHS) {
    const candidates = widened(row, row.candidates!, depth * temperature);
    const pool = poolOf(row, candidates, logSumExp, temperature, adjustments);
    const tokenId = pool && pick(pool, params, draw);
    if (tokenId !== undefined) return tokenId;
  }
  return undefined;
}

/** The draw lies behind the pool: the rest of the vocabulary, or what is allowed of it, follows it by rising id. */
export function pickFromTail(
  row: LogitsRow,
  pool: Pool,
  temperature: number,
  logSumExp: number,
  adjustments: LogitAdjustments | undefined,
  draw: number,
  allowed?: AllowedTokens,
): number | undefined {
  const exact = new Set(pool.tokenIds.subarray(0, pool.exact));
  let rest = draw * pool.totalMass - sum(pool.weights, pool.exact);
  for (let tokenId = 0; tokenId < row.logits.length; tokenId++) {
    if (exact.has(tokenId) || allowed?.has(tokenId) === false) continue;
    const logit = row.logits[tokenId]!;
    rest -= Math.exp((adjustments?.adjust(tokenId, logit) ?? logit) / temperature - logSumExp);
    if (rest < 0) return tokenId;
  }
  return undefined;
}

function bestAdjusted(row: LogitsRow, adjustments: LogitAdjustments): number {
  const { touched } = adjustments;
  if (touched.size === 0) return row.best;
  let best = -1;
  let bestLogit = Number.NEGATIVE_INFINITY;
  const consider = (tokenId: number, logit: number): void => {
    if (rank(tokenId, logit, best, bestLogit) > 0) return;
    best = tokenId;
    bestLogit = logit;
  };
  for (const tokenId of touched) {
    const logit = row.logits[tokenId];
    if (logit !== undefined) consider(tokenId, adjustments.adjust(tokenId, logit));
  }
  const untouched = row.candidates?.tokenIds.find((tokenId) => !touched.has(tokenId));
  if (untouched !== undefined) consider(untouched, row.logits[untouched]!);
  else {
    for (const [tokenId, logit] of row.logits.entries()) if (!touched.has(tokenId)) consider(tokenId, logit);
  }
  return best;
}

function sum(weights: Float64Array, count: number): number {
  let total = 0;
  for (let index = 0; index < count; index++) total += weights[index]!;
  return total;
}
