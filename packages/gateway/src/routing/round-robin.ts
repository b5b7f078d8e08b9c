import type { Rng } from '@sluice/shared';
import type { Policy, RoutingView, WorkerId } from './policy.js';
import { pickAny } from './worker-load.js';

/**
 * Each worker in turn, in the order of their names, whatever they have to do; the first at random, so that gateways do
 * not go round in step. A worker that comes or goes changes nobody else's turn.
 */
export function roundRobin(rng: Rng): Policy {
  let last: WorkerId | undefined;
  return {
    name: 'round-robin',
    choose: (view) => {
      const chosen = last === undefined ? pickAny(view, rng) : nextAfter(last, view);
      last = chosen ?? last;
      return chosen;
    },
  };
}

/** The least name above `last`, or the least of all. */
function nextAfter(last: WorkerId, view: RoutingView): WorkerId | undefined {
  let next: WorkerId | undefined;
  let least: WorkerId | undefined;
  for (const { id } of view) {
    if (least === undefined || id < least) least = id;
    if (id > last && (next === undefined || id < next)) next = id;
  }
  return next ?? least;
}
