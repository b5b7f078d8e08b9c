import type { Rng } from '@sluice/shared';
import { leastLoad } from './least-load.js';
import { leastRequests } from './least-requests.js';
import type { Policy } from './policy.js';
import { powerOfTwo } from './power-of-two.js';
import { prefix } from './prefix.js';
import { random } from './random.js';
import { roundRobin } from './round-robin.js';
import { session } from './session.js';
import { ttft } from './ttft.js';

/** Every policy by the name it is chosen by. */
const factories = {
  ttft,
  'round-robin': roundRobin,
  random,
  'least-requests': leastRequests,
  'power-of-two': powerOfTwo,
  'least-load': leastLoad,
  session,
  prefix,
} satisfies Record<string, (rng: Rng) => Policy>;

export type RoutingName = keyof typeof factories;

export const routingNames = Object.keys(factories) as readonly RoutingName[];

export const defaultRouting: RoutingName = 'ttft';

/** A new one, with no past. Gateways of one fleet need different random numbers. */
export function createRouting(name: RoutingName, rng: Rng): Policy {
  return factories[name](rng);
}
