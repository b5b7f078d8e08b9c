import type { Rng } from '@sluice/shared';
import type { Policy } from './policy.js';
import { pickAny } from './worker-load.js';

/** Any worker, whatever it has to do. To compare with. */
export function random(rng: Rng): Policy {
  return { name: 'random', choose: (view) => pickAny(view, rng) };
}
