import type { Rng } from '@sluice/shared';
import type { Policy } from './policy.js';
import { requestsAhead, tokensAhead } from './worker-load.js';

/**
 * Two different workers at random, and of them the one with fewer requests, then with fewer prompt tokens to compute
 * (Mitzenmacher, "The power of two choices in randomized load balancing"). Needs no fresh loads: gateways that see the
 * same do not all run to the same worker.
 */
export function powerOfTwo(rng: Rng): Policy {
  return {
    name: 'power-of-two',
    choose: (view) => {
      if (view.length < 2) return view[0]?.id;
      const first = rng.below(view.length);
      const a = view[first]!;
      const b = view[(first + 1 + rng.below(view.length - 1)) % view.length]!;
      return (requestsAhead(a) - requestsAhead(b) || tokensAhead(a) - tokensAhead(b)) <= 0 ? a.id : b.id;
    },
  };
}
