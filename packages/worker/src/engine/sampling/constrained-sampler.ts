import { assert } from '@sluice/shared';
import type { SamplingParams } from '../sequence.js';
import type { Candidates, LogitsRow } from '../step-plan.js';
import type { AllowedTokens } from './allowed-tokens.js';
import type { LogitAdjustments } from './logit-adjustments.js';
import { type Pool, poolOf, type Restriction, wholeVocabulary } from './pool.js';
import { isUnrestricted, pick, pickFromTail } from './sampler.js';

/** So few tokens are gathered and ranked in less time than the candidates are gone through. */
const FEW_TOKENS = 256;

/** What float sums of a vocabulary may be off by, as a share. */
const MASS_ERROR = 1e-5;

/**
 * Chooses a token of those that are allowed, as if the others had no probability: the restriction comes before bias,
 * penalties, temperature, min_p, top_k and top_p. Looks at the allowed ones among the candidates first, at the others
 * only where those do not decide, and only then ranks all that are allowed.
 * @param allowed at least one.
 * @param draw uniform in [0, 1); not read when temperature is 0.
 */
export function sampleAllowed(
  row: LogitsRow,
  params: SamplingParams,
  adjustments: LogitAdjustments | undefined,
  allowed: AllowedTokens,
  draw: number,
): number {
  if (params.temperature === 0) return bestAllowed(row, adjustments, allowed);
  return (
    (allowed.count > FEW_TOKENS ? pickFromCandidates(row, params, adjustments, allowed, draw) : undefined) ??
    pick(wholeVocabulary(row, params.temperature, adjustments, allowed.ids(row.logits.length)), params, draw) ??
    bestAllowed(row, undefined, allowed)
  );
}

function pickFromCandidates(
  row: LogitsRow,
  params: SamplingParams,
  adjustments: LogitAdjustments | undefined,
  allowed: AllowedTokens,
  draw: number,
): number | undefined {
  const { temperature } = params;
  const logSumExp = row.logSumExps[0];
  assert(logSumExp !== undefined && row.candidates !== undefined, 'a sampled row comes with candidates');
  const candidates = allowedAmong(row.candidates, allowed);
  if (candidates.tokenIds.length === 0) return undefined;
  const massOf = ({ logits }: Candidates): number => {
    let mass = 0;
    for (let i = 0; i < logits.length; i++) mass += Math.exp(logits[i]! / temperature - logSumExp);
    return mass;
  };
  const poolWith = (mass: number): Pool | undefined => {
    const restriction: Restriction = { allowed, mass };
    return poolOf(row, candidates, logSumExp, temperature, adjustments, restriction);
  };
  // What is behind the candidates is allowed or not: where that makes no difference, nobody has to look.
  const least = massOf(candidates);
  const most = least + Math.max(0, 1 - massOf(row.candidates)) + MASS_ERROR;
  const leastPool = poolWith(least);
  const mostPool = poolWith(most);
  const whenLeast = leastPool && pick(leastPool, params, draw);
  // A heavier whole moves every choice down the ranks: what both ends choose, all between them do.
  if (whenLeast !== undefined && mostPool && pick(mostPool, params, draw) === whenLeast) return whenLeast;
  const pool = poolWith(allowedMass(row, temperature, logSumExp, allowed));
  if (pool === undefined) return undefined;
  const tokenId = pick(pool, params, draw);
  if (tokenId !== undefined || !isUnrestricted(params)) return tokenId;
  return pickFromTail(row, pool, temperature, logSumExp, adjustments, draw, allowed);
}

/** Their share of the vocabulary's weight: of the allowed ones or of the others, whichever are fewer, each is looked at. */
function allowedMass({ logits }: LogitsRow, temperature: number, logSumExp: number, allowed: AllowedTokens): number {
  const isFew = 2 * allowed.count <= logits.length;
  let mass = 0;
  for (let tokenId = 0; tokenId < logits.length; tokenId++) {
    if (allowed.has(tokenId) === isFew) mass += Math.exp(logits[tokenId]! / temperature - logSumExp);
  }
  return isFew ? mass : 1 - mass;
}

function allowedAmong(candidates: Candidates, allowed: AllowedTokens): Candidates {
  const tokenIds = new Int32Array(candidates.tokenIds.length);
  const logits = new Float32Array(tokenIds.length);
  let length = 0;
  for (let i = 0; i < tokenIds.length; i++) {
    const tokenId = candidates.tokenIds[i]!;
    if (!allowed.has(tokenId)) continue;
    tokenIds[length] = tokenId;
    logits[length++] = candidates.logits[i]!;
  }
  return { tokenIds: tokenIds.subarray(0, length), logits: logits.subarray(0, length) };
}

/** Of equals the lowest id. Held tokens have no chance at all, but for where nothing else is allowed. */
function bestAllowed(row: LogitsRow, adjustments: LogitAdjustments | undefined, allowed: AllowedTokens): number {
  const isAdjusted = adjustments !== undefined && adjustments.touched.size > 0;
  if (!isAdjusted && allowed.has(row.best)) return row.best;
  let best = -1;
  let bestLogit = Number.NEGATIVE_INFINITY;
  for (const tokenId of allowed.ids(row.logits.length)) {
    const raw = row.logits[tokenId]!;
    const logit = isAdjusted ? adjustments.adjust(tokenId, raw) : raw;
    if (best >= 0 && !(logit > bestLogit)) continue;
    best = tokenId;
    bestLogit = logit;
  }
  return best;
}
