import { describe, expect, it } from 'vitest';
import { hotSpot, PlacementTally } from './placement-tally.js';

describe('hotSpot', () => {
  it('is 1 where all have the same and the number of workers where one has all', () => {
    expect(hotSpot([5, 5, 5, 5])).toBe(1);
    expect(hotSpot([0, 0, 8, 0])).toBe(4);
    expect(hotSpot([0, 0])).toBe(0);
  });
});

describe('PlacementTally', () => {
  it('counts tokens that were computed, not those that were cached', () => {
    const tally = new PlacementTally(2);
    tally.addEnd(0, 100, 80);
    tally.addEnd(0, 100, 80);
    tally.addEnd(1, 120, 0);
    for (const waitMs of [10, 30, 20]) tally.addFirst(waitMs);
    expect(tally.result()).toMatchObject({
      requests: 3,
      hotSpotRequests: 4 / 3,
      hotSpotTokens: 1.5,
      ttftP50Ms: 20,
      ttftP99Ms: 30,
      cachedRatio: 0.5,
      predictionP50: null,
    });
  });
});
