import type { Rng } from '@sluice/shared';
import type { Policy } from './policy.js';
import { pickLeast, requestsAhead } from './worker-load.js';

/** The worker with the fewest requests, running, waiting or on their way, however long; ties at random. No thresholds. */
export function leastRequests(rng: Rng): Policy {
  return {
    name: 'least-requests',
    choose: (view) => pickLeast(view, (a, b) => requestsAhead(a) - requestsAhead(b), rng),
  };
}
