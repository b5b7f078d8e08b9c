import { ServingError } from '@sluice/shared';
import type { LiveSequence } from './live-sequence.js';
import { sampleAllowed } from './sampling/constrained-sampler.js';
import { logprobsOf, sampleToken } from './sampling/sampler.js';
import { uniform } from './sampling/uniform.js';
import type { SequenceEvent } from './sequence.js';
import type { LogitsRow } from './step-plan.js';

export type TokenEvent = Extract<SequenceEvent, { kind: 'token' }>;

/**
 * Chooses a sequence's next token from its row of logits and adds it to the sequence.
 * @throws ServingError `engine_failed` for a row that is not made of numbers, and what its guide throws; the sequence is
 * as it was before.
 */
export function takeToken(sequence: LiveSequence, row: LogitsRow, nowMs: number): TokenEvent {
  requireNumbers(row);
  const { id, sampling, logprobsTop } = sequence.request;
  const draw = sampling.temperature === 0 ? 0 : uniform(sampling.seed, sequence.generated);
  const guide = sequence.request.guide;
  const tokenId =
    guide === undefined
      ? sampleToken(row, sampling, sequence.adjustments, draw)
      : (guide.forced()[0] ?? sampleAllowed(row, sampling, sequence.adjustments, guide.allowed(), draw));
  const logprobs = logprobsTop === undefined ? undefined : logprobsOf(row, sequence.want, tokenId, logprobsTop);
  if (guide?.accept(tokenId) === false) {
    throw new ServingError('engine_failed', `the grammar allowed token ${tokenId} and does not take it`);
  }
  sequence.tokenIds.push(tokenId);
  sequence.adjustments?.addGenerated(tokenId);
  sequence.times.add(nowMs);
  return {
    kind: 'token',
    id,
    tokenId,
    logprobs,
    cachedTokens: sequence.cachedPromptTokens,
    timeliness: sequence.times,
  };
}

/**
 * Where arithmetic went wrong, it did so for the whole row: what the likeliest token and the sums say will do.
 * @throws ServingError `engine_failed`.
 */
export function requireNumbers({ best, logits, logSumExps }: LogitsRow): void {
  const bestLogit = logits[best];
  if (bestLogit !== undefined && Number.isFinite(bestLogit) && logSumExps.every(Number.isFinite)) return;
  throw new ServingError('engine_failed', `the model gave no numbers: its likeliest token has a logit of ${bestLogit}`);
}
