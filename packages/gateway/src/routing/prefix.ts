import type { Rng } from '@sluice/shared';
import type { Policy, WorkerView } from './policy.js';
import { meanRequests, pickLeast, requestsAhead } from './worker-load.js';

/** A worker is overloaded beyond so many times the fleet's mean of requests … */
const LOAD_RATIO_MAX = 1.5;
/** … and beyond this share of its slots. */
const SLOTS_SHARE = 0.25;
/** Tokens; a shorter match is none, as in a worker's prefix cache. */
const MATCH_TOKENS_MIN = 16;

/**
 * The worker with the longest beginning of the prompt in its cache; among equals, and where nobody has any, the one with
 * the fewest requests, then any. Only overloaded workers (more than 1.5 times the fleet's mean of requests, and more
 * than a quarter of their slots) are passed over, so uneven load costs the hottest worker its prefixes and nobody else.
 */
export function prefix(rng: Rng): Policy {
  return {
    name: 'prefix',
    choose: (view, { cachedTokens }) => {
      const requestsMax = LOAD_RATIO_MAX * meanRequests(view);
      const hasRoom = (worker: WorkerView): boolean =>
        requestsAhead(worker) <= Math.max(requestsMax, worker.load.slotsMax * SLOTS_SHARE);
      const match = ({ id }: WorkerView): number => {
        const tokens = cachedTokens.get(id) ?? 0;
        return tokens < MATCH_TOKENS_MIN ? 0 : tokens;
      };
      return pickLeast(view.filter(hasRoom), (a, b) => match(b) - match(a) || requestsAhead(a) - requestsAhead(b), rng);
    },
  };
}
