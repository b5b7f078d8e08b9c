import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { searchCapacity } from './capacity-search.js';

describe('searchCapacity', () => {
  it('finds the limit to 2.5 % from wherever it begins, in at most 30 probes', async () => {
    const rates = fc.double({ min: 0.01, max: 100, noNaN: true });
    await fc.assert(
      fc.asyncProperty(rates, rates, async (start, limit) => {
        const probe = async (ratePerSecond: number) => ({ ratePerSecond, isWithin: ratePerSecond <= limit });
        const { ratePerSecond, probes } = await searchCapacity(start, probe);
        expect(ratePerSecond).toBeLessThanOrEqual(limit);
        expect(ratePerSecond).toBeGreaterThanOrEqual(limit * 0.974);
        expect(probes.length).toBeLessThanOrEqual(30);
      }),
    );
  });

  it('gives 0 where nothing is within the limits', async () => {
    const probe = async (ratePerSecond: number) => ({ ratePerSecond, isWithin: false });
    expect((await searchCapacity(1, probe)).ratePerSecond).toBe(0);
  });

  it('ends where everything is', async () => {
    const probe = async (ratePerSecond: number) => ({ ratePerSecond, isWithin: true });
    expect((await searchCapacity(1, probe)).probes.length).toBe(30);
  });
});
