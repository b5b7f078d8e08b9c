import type { LoadState } from '@sluice/shared';
import type { RoutingRequest, WorkerView } from '../routing/policy.js';

type Given = Partial<LoadState> & Partial<Pick<WorkerView, 'unreportedTokens' | 'unreportedRequests'>>;

/** A worker that has nothing to do but what is given. */
export function idleWorker(id: string, given: Given = {}): WorkerView {
  const { unreportedTokens = 0, unreportedRequests = 0, ...load } = given;
  return {
    id,
    unreportedTokens,
    unreportedRequests,
    load: {
      state: 'ready',
      running: 0,
      waiting: 0,
      prefillTokensWaiting: 0,
      kvTokensUsed: 0,
      kvTokensMax: 4096,
      slotsMax: 16,
      prefillTokensPerSecond: 0,
      decodeTokensPerSecond: 0,
      stepMs: 0,
      stepErrorRatio: 0,
      preemptionsCopied: 0,
      preemptionsRecomputed: 0,
      swapBytesUsed: 0,
      hostGapP50Ms: 0,
      hostGapP99Ms: 0,
      tokensDrafted: 0,
      tokensAccepted: 0,
      steps: 0,
      ...load,
    },
  };
}

/** A request with a short prompt that nobody has cached, of no session, but for what is given. */
export function somePrompt(given: Partial<RoutingRequest> = {}): RoutingRequest {
  return { promptTokens: 10, beginning: undefined, session: undefined, cachedTokens: new Map(), ...given };
}
