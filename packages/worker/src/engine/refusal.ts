import { contextBound, ServingError } from '@sluice/shared';
import { blocksFor } from './kv/token-ledger.js';
import type { ModelLimits } from './model-port.js';
import type { SequenceRequest } from './sequence.js';

/** What a request is held against when it is submitted. */
export interface Room {
  readonly contextTokens: number;
  /** Memory of all slots together, in tokens. */
  readonly kvTokensMax: number;
  /** Tokens of a chunk each of which has a wanted row. */
  readonly scoredTokensMax: number;
  /** 0: none. */
  readonly embeddingLength: number;
  readonly waiting: number;
  readonly waitingMax: number;
}

/** Any prompt can be cut into chunks that are at most so long, or longer, and leave no token alone (policy.ts). */
const CHUNK_TOKENS_MIN = 4;

/** Longer ones hold up those beside them: each row costs a pass over the vocabulary or three. */
const SCORED_TOKENS_MAX = 64;

/** Tokens that a chunk may have where each of them has a wanted row, so that those of a pass always fit. */
export function scoredTokensMax(limits: ModelLimits): number {
  const { wantedRowsMax, stepTokensMax, slotsMax, decodeTokensMax, chunksMax, chunksAbreast = 1 } = limits;
  if (wantedRowsMax >= stepTokensMax) return SCORED_TOKENS_MAX;
  const chunks = Math.max(chunksMax, chunksAbreast);
  return Math.min(SCORED_TOKENS_MAX, Math.floor((wantedRowsMax - slotsMax * decodeTokensMax) / chunks));
}

/** Why an engine cannot take a request, now or ever; undefined when it can. */
export function refusalOf(request: SequenceRequest, room: Room): ServingError | undefined {
  const promptTokens = request.promptIds.length;
  // One more than the prompt, where anything is to be generated.
  const promptTokensMax = request.tokensMax === 0 ? room.contextTokens : room.contextTokens - 1;
  if (promptTokens === 0) {
    return new ServingError('invalid_request', 'prompt: 0 tokens must be at least 1', { field: 'prompt' });
  }
  if (promptTokens > promptTokensMax) {
    const bound = `must be at most ${promptTokensMax}; ${contextBound(room.contextTokens)}`;
    return new ServingError('context_length_exceeded', `prompt: ${promptTokens} tokens ${bound}`, { field: 'prompt' });
  }
  const tokens = Math.min(room.contextTokens, promptTokens + request.tokensMax);
  if (blocksFor(tokens) > blocksFor(room.kvTokensMax)) {
    const bound = `must be at most ${room.kvTokensMax}, the memory of this worker`;
    const problem = `prompt: ${tokens} tokens with its output ${bound}; ${contextBound(room.kvTokensMax)} there`;
    return new ServingError('context_length_exceeded', problem, { field: 'prompt' });
  }
  const { promptWish } = request;
  if (promptWish?.pooling !== undefined && room.embeddingLength === 0) {
    return new ServingError('invalid_request', 'pooling: this model gives no embeddings', { field: 'pooling' });
  }
  if (promptWish?.logprobsTop !== undefined && room.scoredTokensMax < CHUNK_TOKENS_MIN) {
    const problem = 'prompt_logprobs: the passes of this worker are too small for them';
    return new ServingError('invalid_request', problem, { field: 'prompt_logprobs' });
  }
  if (room.waiting >= room.waitingMax) {
    return new ServingError('queue_full', `${room.waiting} requests wait at this worker, its most`);
  }
  return undefined;
}
