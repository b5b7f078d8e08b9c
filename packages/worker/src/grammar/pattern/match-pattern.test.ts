import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { matchesSomewhere } from './match-pattern.js';
import { parsePattern } from './parse-pattern.js';

describe('matchesSomewhere', () => {
  it('finds what a RegExp finds, for patterns and texts that chance makes', () => {
    const rng = seededRng(11);
    const pick = <T>(of: readonly T[]): T => of[rng.below(of.length)]!;
    const atom = (depth: number): string =>
      depth > 0 && rng.below(3) === 0 ? `(?:${pattern(depth - 1)})` : pick(['a', 'b', '[ab]', '[^a]', '.', '\\d']);
    const repeated = (depth: number): string => atom(depth) + pick(['', '', '', '?', '*', '+', '{2}', '{1,2}', '{2,}']);
    const pattern = (depth: number): string => {
      const sequence = (): string => Array.from({ length: 1 + rng.below(3) }, () => repeated(depth)).join('');
      return rng.below(3) === 0 ? `${sequence()}|${sequence()}` : sequence();
    };
    let found = 0;
    for (let round = 0; round < 2_000; round++) {
      const source = `${pick(['', '^'])}${pattern(2)}${pick(['', '$'])}`;
      const text = Array.from({ length: rng.below(7) }, () => pick(['a', 'b', 'c', '1', '😀'])).join('');
      const isFound = matchesSomewhere(parsePattern(source), text, () => {});
      expect(isFound, `${source} in ${text}`).toBe(new RegExp(source, 'u').test(text));
      found += isFound ? 1 : 0;
    }
    expect(found).toBeGreaterThan(500);
    expect(found).toBeLessThan(1_900);
  });

  it('says how much it does, and ends where it may do no more', () => {
    let units = 0;
    const spend = (count: number): void => {
      units += count;
      if (units > 1_000) throw new Error('enough');
    };
    expect(matchesSomewhere(parsePattern('^(a+)+$'), `${'a'.repeat(40)}!`, spend)).toBe(false);
    expect(() => matchesSomewhere(parsePattern('((((a*)*)*)*)*b'), 'a'.repeat(5_000), spend)).toThrow('enough');
  });
});
