import { describe, expect, it } from 'vitest';
import { Tally, type TrialResult } from '../simulate/tally.js';
import { readCapacitySettings } from './capacity-settings.js';
import type { CapacityLoad } from './load.js';
import { searchMeasured } from './measured-search.js';

const load: CapacityLoad = {
  trace: 'chat',
  objective: 'strict',
  tbtMs: 100,
  promptsPerSecond: 10,
  at: () => [],
  sendMs: () => 0,
};
const settings = readCapacitySettings({}, true);

/** Keeps the limits up to a rate. */
const upTo =
  (limit: number) =>
  async (rate: number): Promise<TrialResult> => ({
    ...new Tally(1, [{ tbtMs: 100, gaps: 1 }]).result(rate, 1, false),
    isWithin: rate <= limit,
  });

function search(limit: number, bounds: { toBeatPerSecond?: number; endMs?: number } = {}) {
  const rest = { load, settings, startPerSecond: 2, endMs: Number.POSITIVE_INFINITY, graceMs: 0, onTrial: () => {} };
  return searchMeasured({ ...rest, ...bounds }, upTo(limit));
}

describe('searchMeasured', () => {
  it('brackets the capacity, and keeps all trials by rising rate', async () => {
    const { capacityPerSecond, beyondPerSecond, trials, sweep, atCapacity } = await search(3);
    expect(capacityPerSecond).toBeLessThanOrEqual(3);
    expect(beyondPerSecond! / capacityPerSecond).toBeLessThan(1.12);
    expect(sweep).toHaveLength(trials);
    expect(sweep.map((one) => one.ratePerSecond)).toEqual(sweep.map((one) => one.ratePerSecond).sort((a, b) => a - b));
    expect(atCapacity?.ratePerSecond).toBe(capacityPerSecond);
  });

  it('gives up at once on what does not beat the best so far', async () => {
    const found = await search(3, { toBeatPerSecond: 3 });
    expect(found).toMatchObject({ capacityPerSecond: 0, onlyAbovePerSecond: 3, trials: 1 });
  });

  it('goes on with what does', async () => {
    const found = await search(6, { toBeatPerSecond: 3 });
    expect(found.capacityPerSecond).toBeGreaterThan(5);
  });

  it('runs one trial even where the time is up before', async () => {
    expect(await search(3, { endMs: 0 })).toMatchObject({ capacityPerSecond: 2, beyondPerSecond: null, trials: 1 });
  });
});
