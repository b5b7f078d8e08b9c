import { LogitAdjustments } from '../../packages/worker/src/engine/sampling/logit-adjustments.js';
import { logprobsOf, sampleToken, wantFor } from '../../packages/worker/src/engine/sampling/sampler.js';
import { uniform } from '../../packages/worker/src/engine/sampling/uniform.js';
import type { EngineFinishReason, Logprobs, SequenceRequest } from '../../packages/worker/src/engine/sequence.js';
import { hashRow } from '../../packages/worker/src/engine/test-support/hash-model.js';
import type { Scenario } from './scenario.js';
import { decoded } from './timed-model.js';

export interface Answer {
  readonly tokenIds: readonly number[];
  /** Parallel, where they were asked for. */
  readonly logprobs: readonly (Logprobs | undefined)[];
  readonly reason: EngineFinishReason;
}

/** What a request gets when nothing else runs: no slots, no batches, no scheduler. */
export function answerAlone(request: SequenceRequest, { limits }: Pick<Scenario, 'limits'>): Answer {
  const { promptIds, sampling, logprobsTop } = request;
  const tokenIds: number[] = [];
  const context = [...promptIds];
  const logprobs: (Logprobs | undefined)[] = [];
  const adjustments = LogitAdjustments.any(sampling) ? new LogitAdjustments(sampling, promptIds) : undefined;
  const want = wantFor(sampling, logprobsTop);
  for (let index = 0; ; index++) {
    const row = hashRow(context, want, limits.vocabularyCount);
    const tokenId = sampleToken(row, sampling, adjustments, uniform(sampling.seed, index));
    adjustments?.addGenerated(tokenId);
    tokenIds.push(tokenId);
    context.push(decoded(tokenId, limits));
    logprobs.push(logprobsTop === undefined ? undefined : logprobsOf(row, want, tokenId, logprobsTop));
    const stops = request.stopTokenIds.has(tokenId);
    if (stops || index + 1 === request.tokensMax || context.length === limits.contextTokens) {
      return { tokenIds, logprobs, reason: stops ? 'stop' : 'length' };
    }
  }
}
