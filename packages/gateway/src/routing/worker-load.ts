import type { Rng } from '@sluice/shared';
import type { RoutingView, WorkerId, WorkerView } from './policy.js';

/** Requests that a worker has: running, waiting, or on their way to it. */
export function requestsAhead({ load, unreportedRequests }: WorkerView): number {
  return load.running + load.waiting + unreportedRequests;
}

/** Prompt tokens that a worker has yet to compute: those that wait there and those on their way to it. */
export function tokensAhead({ load, unreportedTokens }: WorkerView): number {
  return load.prefillTokensWaiting + unreportedTokens;
}

/** Of the fleet, a worker. 0 for an empty view. */
export function meanRequests(view: RoutingView): number {
  return view.reduce((sum, worker) => sum + requestsAhead(worker), 0) / Math.max(1, view.length);
}

/**
 * One of the workers that no other comes before, at random, so that gateways which see the same loads do not all choose
 * the same worker. Undefined only for an empty view.
 * @param compare negative where the first worker comes before the second.
 */
export function pickLeast(
  view: RoutingView,
  compare: (a: WorkerView, b: WorkerView) => number,
  rng: Rng,
): WorkerId | undefined {
  let best: WorkerView[] = [];
  for (const worker of view) {
    const order = best[0] === undefined ? -1 : compare(worker, best[0]);
    if (order < 0) best = [worker];
    else if (order === 0) best.push(worker);
  }
  return pickAny(best, rng);
}

/** Any of them. */
export function pickAny(view: RoutingView, rng: Rng): WorkerId | undefined {
  return view[view.length > 1 ? rng.below(view.length) : 0]?.id;
}
