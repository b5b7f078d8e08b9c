import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { Quotes } from './quotes.js';

/** Serves so many requests whose first tokens take the prediction times what is drawn; the share of quotes that held. */
function heldShare(quotes: Quotes, requests: number, draw: (index: number) => number): number {
  let held = 0;
  for (let i = 0; i < requests; i++) {
    const predictedMs = 500 + 50 * (i % 40);
    const quote = quotes.quote({ ms: predictedMs, waitsForSlot: false });
    const actualMs = predictedMs * draw(i);
    if (actualMs <= quote.ms) held += 1;
    quote.settle(actualMs);
  }
  return held / requests;
}

describe('Quotes', () => {
  it.each([
    ['right', 1, 0.2],
    ['three times too short', 3, 1],
    ['twice too long and wild', 0.5, 2],
  ])('holds 95 of 100 and hardly more when predictions are %s', (_, centre, spread) => {
    const rng = seededRng(11);
    const quotes = new Quotes();
    const draw = (): number => centre * Math.exp(spread * (rng.next() - 0.5));
    heldShare(quotes, 50, draw);
    const share = heldShare(quotes, 5_000, draw);
    expect(share).toBeGreaterThan(0.95);
    // A quote is never below the prediction, so good predictions may hold more often.
    if (centre === 3) expect(share).toBeLessThan(0.99);
  });

  it('holds while times get worse and worse', () => {
    const rng = seededRng(12);
    const draw = (index: number): number => 1.004 ** index * Math.exp(0.3 * (rng.next() - 0.5));
    expect(heldShare(new Quotes(), 500, draw)).toBeGreaterThan(0.95);
  });

  it('is moved once, not a hundred times, by a hundred requests that were quoted together', () => {
    const quotes = new Quotes();
    const crowd = Array.from({ length: 100 }, () => quotes.quote({ ms: 1_000, waitsForSlot: true }));
    for (const quote of crowd) quote.settle(3_000);
    expect(quotes.broken).toBe(100);
    expect(quotes.quote({ ms: 1_000, waitsForSlot: true }).ms).toBeGreaterThan(3_000);
    expect(quotes.quote({ ms: 1_000, waitsForSlot: true }).ms).toBeLessThan(10_000);
  });

  it('learns of prompts and of slots apart', () => {
    const quotes = new Quotes();
    for (let i = 0; i < 50; i++) quotes.quote({ ms: 1_000, waitsForSlot: true }).settle(5_000);
    expect(quotes.marginRatio(true)).toBeGreaterThan(4);
    expect(quotes.marginRatio(false)).toBe(2);
  });

  it('counts what held and what did not', () => {
    const quotes = new Quotes();
    const { ms } = quotes.quote({ ms: 25, waitsForSlot: false });
    for (const actualMs of [ms, ms + 1, 20]) quotes.quote({ ms: 25, waitsForSlot: false }).settle(actualMs);
    expect([quotes.held, quotes.broken]).toEqual([2, 1]);
  });

  it('tightens again after a bad spell', () => {
    const quotes = new Quotes();
    heldShare(quotes, 200, () => 10);
    const wide = quotes.marginRatio(false);
    heldShare(quotes, 500, () => 1);
    expect(wide).toBeGreaterThan(5);
    expect(quotes.marginRatio(false)).toBeLessThan(1.5);
  });
});
