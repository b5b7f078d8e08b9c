import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { Quotes } from './quotes.js';

/** Serves so many requests whose first tokens take the prediction times what is drawn; the share of quotes that held. */
function heldShare(quotes: Quotes, requests: number, draw: () => number): number {
  let held = 0;
  for (let i = 0; i < requests; i++) {
    const predictedMs = 500 + 50 * (i % 40);
    const quoteMs = quotes.quoteMs(predictedMs);
    const actualMs = predictedMs * draw();
    if (actualMs <= quoteMs) held += 1;
    quotes.settle(quoteMs, actualMs);
  }
  return held / requests;
}

describe('Quotes', () => {
  it.each([
    ['right', 1, 0.2],
    ['three times too short', 3, 1],
    ['twice too long and wild', 0.5, 2],
  ])('holds about 95 of 100 when predictions are %s', (_, centre, spread) => {
    const rng = seededRng(11);
    const quotes = new Quotes();
    const draw = (): number => centre * Math.exp(spread * (rng.next() - 0.5));
    heldShare(quotes, 300, draw);
    const share = heldShare(quotes, 5_000, draw);
    expect(share).toBeGreaterThan(0.93);
    // A quote is never below the prediction, so good predictions may hold more often.
    if (centre === 3) expect(share).toBeLessThan(0.975);
  });

  it('counts what held and what did not', () => {
    const quotes = new Quotes();
    quotes.settle(100, 100);
    quotes.settle(100, 101);
    quotes.settle(100, 20);
    expect([quotes.held, quotes.broken]).toEqual([2, 1]);
  });

  it('tightens again after a bad spell', () => {
    const quotes = new Quotes();
    heldShare(quotes, 200, () => 10);
    const wide = quotes.marginRatio;
    heldShare(quotes, 2_000, () => 1);
    expect(wide).toBeGreaterThan(5);
    expect(quotes.marginRatio).toBeLessThan(1.5);
  });
});
