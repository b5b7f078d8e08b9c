import type { Rng } from '@sluice/shared';
import type { Policy } from './policy.js';
import { pickLeast, requestsAhead, tokensAhead } from './worker-load.js';

/**
 * The worker with the fewest prompt tokens between a new request and its first token: those that wait there and those
 * sent that it has not reported. Then the one with the fewest requests; ties at random. No thresholds.
 */
export function leastLoad(rng: Rng): Policy {
  return {
    name: 'least-load',
    choose: (view) =>
      pickLeast(view, (a, b) => tokensAhead(a) - tokensAhead(b) || requestsAhead(a) - requestsAhead(b), rng),
  };
}
