import type { LiveSequence } from './live-sequence.js';
import { logprobsOf, sampleToken } from './sampling/sampler.js';
import { uniform } from './sampling/uniform.js';
import type { SequenceEvent } from './sequence.js';
import type { LogitsRow } from './step-plan.js';

/** Chooses a sequence's next token from its row of logits and adds it to the sequence. */
export function takeToken(
  sequence: LiveSequence,
  row: LogitsRow,
  nowMs: number,
): Extract<SequenceEvent, { kind: 'token' }> {
  const { id, sampling, logprobsTop } = sequence.request;
  const draw = sampling.temperature === 0 ? 0 : uniform(sampling.seed, sequence.generated);
  const tokenId = sampleToken(row, sampling, sequence.adjustments, draw);
  const logprobs = logprobsTop === undefined ? undefined : logprobsOf(row, sequence.want, tokenId, logprobsTop);
  sequence.tokenIds.push(tokenId);
  sequence.adjustments?.addGenerated(tokenId);
  sequence.times.add(nowMs);
  return { kind: 'token', id, tokenId, logprobs, cachedTokens: sequence.cachedTokens ?? 0, timeliness: sequence.times };
}
