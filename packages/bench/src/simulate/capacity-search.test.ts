import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { searchCapacity } from './capacity-search.js';

describe('searchCapacity', () => {
  it('finds the limit to 2.5 % from wherever it begins, in at most 30 probes', async () => {
    const rates = fc.double({ min: 0.01, max: 100, noNaN: true });
    await fc.assert(
      fc.asyncProperty(rates, rates, async (start, limit) => {
        const probe = async (ratePerSecond: number) => ({ ratePerSecond, isWithin: ratePerSecond <= limit });
        const { ratePerSecond, beyondPerSecond, probes } = await searchCapacity({ startPerSecond: start, probe });
        expect(ratePerSecond).toBeLessThanOrEqual(limit);
        expect(ratePerSecond).toBeGreaterThanOrEqual(limit * 0.974);
        expect(beyondPerSecond).toBeGreaterThan(limit);
        expect(probes.length).toBeLessThanOrEqual(30);
      }),
    );
  });

  it('gives 0 where nothing is within the limits', async () => {
    const probe = async (ratePerSecond: number) => ({ ratePerSecond, isWithin: false });
    expect((await searchCapacity({ startPerSecond: 1, probe })).ratePerSecond).toBe(0);
  });

  it('ends where everything is', async () => {
    const probe = async (ratePerSecond: number) => ({ ratePerSecond, isWithin: true });
    expect((await searchCapacity({ startPerSecond: 1, probe })).probes.length).toBe(30);
  });

  it('needs few probes where the guess was good', async () => {
    const probe = async (ratePerSecond: number) => ({ ratePerSecond, isWithin: ratePerSecond <= 1.1 });
    const options = { startPerSecond: 1, firstFactor: 1.25, precisionRatio: 0.1, probe };
    const { ratePerSecond, beyondPerSecond, probes } = await searchCapacity(options);
    expect([ratePerSecond, beyondPerSecond]).toEqual([1.0625, 1.125]);
    expect(probes.length).toBeLessThanOrEqual(4);
  });

  it('tries no rate above the ceiling', async () => {
    const probe = async (ratePerSecond: number) => ({ ratePerSecond, isWithin: true });
    const found = await searchCapacity({ startPerSecond: 1, ceilingPerSecond: 5, probe });
    expect(found).toMatchObject({ ratePerSecond: 4, beyondPerSecond: undefined });
  });

  it('ends with what it knows when it may not go on, after at least one probe', async () => {
    const probe = async (ratePerSecond: number) => ({ ratePerSecond, isWithin: ratePerSecond <= 3 });
    const first = await searchCapacity({ startPerSecond: 1, probe, mayProbe: () => false });
    expect(first).toMatchObject({ ratePerSecond: 1, beyondPerSecond: undefined });
    const slow = await searchCapacity({ startPerSecond: 16, probe, mayProbe: (rate) => rate > 5 });
    expect(slow).toMatchObject({ ratePerSecond: 0, beyondPerSecond: 8 });
  });
});
