import { describe, expect, it } from 'vitest';
import { randomPrompt } from './random-prompt.js';

describe('randomPrompt', () => {
  it('is the same for the same seed and index, and nothing alike for others', () => {
    expect(randomPrompt(256, 1, 7)).toEqual(randomPrompt(256, 1, 7));
    const firsts = Array.from({ length: 200 }, (_, index) => randomPrompt(2, 1, index).join());
    expect(new Set(firsts).size).toBe(200);
    expect(randomPrompt(4, 2, 7)).not.toEqual(randomPrompt(4, 1, 7));
  });

  it('has exactly the tokens asked for, all of them ordinary', () => {
    const prompt = randomPrompt(10_000, 3, 0);
    expect(prompt).toHaveLength(10_000);
    expect(Math.min(...prompt)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...prompt)).toBeLessThan(30_000);
  });
});
