import { createRouting, routingNames } from './policies.js';
import { policyContract } from './policy.contract.js';

for (const name of routingNames) policyContract(name, (rng) => createRouting(name, rng));
