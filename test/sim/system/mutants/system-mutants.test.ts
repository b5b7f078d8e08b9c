import { describe, expect, it } from 'vitest';
import { checkSystemSeed } from '../check-system-seed.js';
import { systemCheckerNames } from '../checkers/system-checkers.js';
import type { SystemSubject } from '../run-system.js';
import { systemMutants } from './system-mutants.js';

/** Within so many; the fleets of system.test.ts are more. */
const SEEDS_MAX = 120;

describe('a bug planted in a fleet', () => {
  it.each(systemMutants)('$name is caught by the checker of $caughtBy', { timeout: 120_000 }, async (mutant) => {
    const subject: SystemSubject = await import(/* @vite-ignore */ `../subject.js?mutant=${mutant.name}`);
    const caught: string[] = [];
    for (let seed = 1; seed <= SEEDS_MAX && !caught.includes(mutant.caughtBy); seed++) {
      caught.push(...(await checkSystemSeed(seed, subject)).map(({ checker }) => checker));
    }
    expect(caught).toContain(mutant.caughtBy);
  });

  it('is there for every checker, so that each is known to see something', () => {
    const seen = new Set(systemMutants.map(({ caughtBy }) => caughtBy));
    expect(systemCheckerNames.filter((name) => !seen.has(name))).toEqual([]);
  });
});
