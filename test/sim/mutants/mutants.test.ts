import { describe, expect, it } from 'vitest';
import { checkSeed } from '../check-seed.js';
import { checkerNames } from '../checkers/checkers.js';
import type { Subject } from '../run-scenario.js';
import { mutants } from './mutants.js';

/** The swarm runs more of each policy; whoever breaks what a mutant breaks hears of it there. */
const SEEDS_MAX = 100;

describe('a planted bug', () => {
  it.each(mutants)(
    '$name is caught by the checker of $caughtBy',
    { timeout: 60_000 },
    async ({ name, caughtBy, policy }) => {
      const subject: Subject = await import(/* @vite-ignore */ `../subject.js?mutant=${name}`);
      const caught: string[] = [];
      for (let seed = 1; seed <= SEEDS_MAX && !caught.includes(caughtBy); seed++) {
        caught.push(...(await checkSeed(seed, policy, subject)).map(({ checker }) => checker));
      }
      expect(caught).toContain(caughtBy);
    },
  );

  it('is there for every checker, so that each is known to see something', () => {
    const seen = new Set(mutants.map(({ caughtBy }) => caughtBy));
    expect(checkerNames.filter((name) => !seen.has(name))).toEqual([]);
  });
});
