import { createPolicy, policyNames } from './policies.js';
import { describePolicy } from './policy.contract.js';

for (const name of policyNames) describePolicy(name, () => createPolicy(name));
