import { memoryless, type Policy } from '../../packages/worker/src/engine/scheduler/policy.js';
import { sarathi } from '../../packages/worker/src/engine/scheduler/sarathi.js';

/**
 * What is under test. The only door to it, so that a mutant is this module with `?mutant=NAME` behind it: the query is
 * handed on to all that it imports of the worker's sources (mutants/plant-bugs.ts).
 */
export { Engine } from '../../packages/worker/src/engine/engine.js';

export const policies: Readonly<Record<string, () => Policy>> = { sarathi: () => memoryless(sarathi) };
