import { describe, expect, it } from 'vitest';
import { checkSystemSeed, describeSystemFailure } from './check-system-seed.js';
import * as subject from './subject.js';

// SLUICE_SIM_SEED=7 runs that one; SLUICE_SIM_SEEDS=10000 so many from 1.
const only = process.env.SLUICE_SIM_SEED;
const seedsCount = Number(process.env.SLUICE_SIM_SEEDS ?? 200);
const seeds = only === undefined ? Array.from({ length: seedsCount }, (_, index) => index + 1) : [Number(only)];
const FAILURES_MAX = 3;

describe(`whole fleets in simulated time, ${seeds.length} of them`, () => {
  it('keep every promise', { timeout: 60_000 + seeds.length * 2_000 }, async () => {
    const failures: string[] = [];
    for (const seed of seeds) {
      const violations = await checkSystemSeed(seed, subject);
      if (violations.length > 0) failures.push(describeSystemFailure(seed, violations));
      if (failures.length === FAILURES_MAX) break;
    }
    expect(failures.join('\n')).toBe('');
  });
});
