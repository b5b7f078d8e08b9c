import { createPolicy, policyNames } from '../../packages/worker/src/engine/scheduler/policies.js';
import type { Policy } from '../../packages/worker/src/engine/scheduler/policy.js';
import { BesideAtRandom } from './beside-at-random.js';

/**
 * What is under test. The only door to it, so that a mutant is this module with `?mutant=NAME` behind it: the query is
 * handed on to all that it imports of the worker's sources (mutants/plant-bugs.ts).
 */
export { Engine } from '../../packages/worker/src/engine/engine.js';

export const policies: ReadonlyMap<string, () => Policy> = new Map([
  ...policyNames.map((name): [string, () => Policy] => [name, () => createPolicy(name)]),
  ['beside-at-random', () => new BesideAtRandom()],
]);
