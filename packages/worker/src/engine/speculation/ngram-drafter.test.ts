import { describe, expect, it } from 'vitest';
import { NgramDrafter } from './ngram-drafter.js';

describe('NgramDrafter', () => {
  it('learns from what came how often it is right, also where nobody computed its guess', () => {
    const drafter = new NgramDrafter(1_000);
    const text = [1, 2, 3, 1, 2];
    const first = drafter.draft(text, 4).chances[0]!;
    for (let round = 0; round < 20; round++) {
      const [guess] = drafter.draft(text, 4).tokenIds;
      drafter.observe([guess!]);
      text.push(guess!);
    }
    const sure = drafter.draft(text, 4).chances[0]!;
    expect(sure).toBeGreaterThan(Math.max(0.9, first));
    for (let round = 0; round < 20; round++) {
      drafter.draft(text, 4);
      drafter.observe([99]);
    }
    expect(drafter.draft(text, 4).chances[0]!).toBeLessThan(0.4);
  });

  it('is surer of what stands behind a longer match', () => {
    const [first, second] = new NgramDrafter(10).draft([1, 2, 3, 1, 2], 2).chances;
    expect(second!).toBeGreaterThan(first!);
  });

  it('says nothing where the text does not repeat itself', () => {
    expect(new NgramDrafter(10).draft([1, 2, 3], 2)).toEqual({ tokenIds: [], chances: [] });
  });
});
