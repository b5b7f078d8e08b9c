import type { Rng } from '@sluice/shared';
import { leastRequests } from './least-requests.js';
import type { Policy, RoutingView, WorkerId, WorkerView } from './policy.js';
import { hashText } from './rendezvous.js';
import { meanRequests, requestsAhead } from './worker-load.js';

/** With a request more, a worker may have so many times the fleet's mean … */
const LOAD_RATIO_MAX = 1.25;
/** … or this share of its slots, whichever is more: a worker with room is not overloaded, however idle the others. */
const SLOTS_SHARE = 0.25;

/**
 * Requests of one session go to one worker. Every worker is ranked by a hash of session and worker (rendezvous hashing:
 * Thaler and Ravishankar), and the first with room gets the request, so that a hot session cannot overload a worker
 * (bounded loads: Mirrokni, Thorup and Zadimoghaddam). A worker that comes or goes moves only the sessions that are, or
 * were, its own. Requests without a session: `least-requests`.
 *
 * Room: at most 1.25 times the fleet's mean of requests, or a quarter of the slots. O(workers).
 */
export function session(rng: Rng): Policy {
  const unbound = leastRequests(rng);
  return {
    name: 'session',
    choose: (view, request) =>
      request.session === undefined ? unbound.choose(view, request) : firstWithRoom(view, request.session),
  };
}

function firstWithRoom(view: RoutingView, key: string): WorkerId | undefined {
  const hash = hashText(key);
  const requestsMax = Math.ceil(LOAD_RATIO_MAX * (meanRequests(view) + 1 / Math.max(1, view.length)));
  const hasRoom = (worker: WorkerView): boolean =>
    requestsAhead(worker) + 1 <= Math.max(requestsMax, worker.load.slotsMax * SLOTS_SHARE);
  let chosen: WorkerId | undefined;
  let bestRank = -1;
  for (const worker of view) {
    const rank = hashText(worker.id, hash);
    if (rank <= bestRank || !hasRoom(worker)) continue;
    bestRank = rank;
    chosen = worker.id;
  }
  return chosen;
}
