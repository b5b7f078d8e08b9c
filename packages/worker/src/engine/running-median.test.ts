import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunningMedian } from './running-median.js';

describe('RunningMedian.value', () => {
  it('is the middle of the last numbers in order, however many came and whichever repeat', () => {
    const numbers = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 12 }), (all, countMax) => {
        const median = new RunningMedian(countMax);
        for (const [index, value] of all.entries()) {
          median.add(value);
          const last = all.slice(Math.max(0, index + 1 - countMax), index + 1).sort((a, b) => a - b);
          expect(median.value).toBe(last[last.length >> 1]);
          expect(median.quantile(0.9)).toBe(last[Math.floor(0.9 * last.length)]);
        }
      }),
    );
  });

  it('is 0 before the first', () => {
    expect(new RunningMedian(3).value).toBe(0);
  });
});
