import { memoryless, type Policy } from './policy.js';
import { sarathi } from './sarathi.js';

const factories = {
  sarathi: () => memoryless(sarathi),
} satisfies Record<string, () => Policy>;

export type PolicyName = keyof typeof factories;

export const policyNames = Object.keys(factories) as PolicyName[];

export function createPolicy(name: PolicyName): Policy {
  return factories[name]();
}
