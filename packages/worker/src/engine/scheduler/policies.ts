import { ChunkOnly } from './chunk-only.js';
import { iterationLevel } from './iteration-level.js';
import { Mlfq } from './mlfq.js';
import { memoryless, type Policy } from './policy.js';
import { prefillFirst } from './prefill-first.js';
import { requestLevel } from './request-level.js';
import { hybridOnly, sarathi } from './sarathi.js';
import { ShortestJobFirst } from './sjf.js';
import { ServiceLevel } from './slo.js';
import { VirtualTokenCounter } from './vtc.js';

/** Every policy by the name it is chosen by. */
const factories = {
  slo: () => new ServiceLevel(),
  sarathi: () => memoryless(sarathi),
  'prefill-first': () => memoryless(prefillFirst),
  'iteration-level': () => memoryless(iterationLevel),
  'request-level': () => memoryless(requestLevel),
  'hybrid-only': () => memoryless(hybridOnly),
  'chunk-only': () => new ChunkOnly(),
  mlfq: () => new Mlfq(),
  sjf: () => new ShortestJobFirst(),
  vtc: () => new VirtualTokenCounter(),
} satisfies Record<string, () => Policy>;

export type PolicyName = keyof typeof factories;

export const policyNames = Object.keys(factories) as readonly PolicyName[];

export const defaultPolicy: PolicyName = 'slo';

/** A new one, with no past. */
export function createPolicy(name: PolicyName): Policy {
  return factories[name]();
}

/** Policies that give a prompt as much as the model takes in one pass, whatever the token budget. */
const unbudgeted: ReadonlySet<PolicyName> = new Set([
  'prefill-first',
  'iteration-level',
  'request-level',
  'hybrid-only',
]);

/** Whether a policy wants passes that hold a whole prompt of any length. */
export function wantsWholePrompts(name: PolicyName): boolean {
  return unbudgeted.has(name);
}
