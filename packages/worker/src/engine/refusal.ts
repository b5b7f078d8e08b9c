import { ServingError } from '@sluice/shared';
import { blocksFor } from './kv/token-ledger.js';
import type { SequenceRequest } from './sequence.js';

/** What a request is held against when it is submitted. */
export interface Room {
  readonly contextTokens: number;
  /** Memory of all slots together, in tokens. */
  readonly kvTokensMax: number;
  readonly waiting: number;
  readonly waitingMax: number;
}

/** Why an engine cannot take a request, now or ever; undefined when it can. */
export function refusalOf(request: SequenceRequest, room: Room): ServingError | undefined {
  const promptTokens = request.promptIds.length;
  if (promptTokens === 0) {
    return new ServingError('invalid_request', 'prompt: 0 tokens must be at least 1', { field: 'prompt' });
  }
  if (promptTokens >= room.contextTokens) {
    return new ServingError(
      'context_length_exceeded',
      `prompt of ${promptTokens} tokens must be at most ${room.contextTokens - 1}: ` +
        `the context is ${room.contextTokens} tokens, prompt and output together`,
      { field: 'prompt' },
    );
  }
  const tokens = Math.min(room.contextTokens, promptTokens + request.tokensMax);
  if (blocksFor(tokens) > blocksFor(room.kvTokensMax)) {
    return new ServingError(
      'context_length_exceeded',
      `prompt and output of ${tokens} tokens must be at most ${room.kvTokensMax}, the memory of this worker`,
      { field: 'prompt' },
    );
  }
  if (room.waiting >= room.waitingMax) {
    return new ServingError('queue_full', `${room.waiting} requests wait at this worker, its most`);
  }
  return undefined;
}
