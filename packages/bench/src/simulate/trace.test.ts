import { describe, expect, it } from 'vitest';
import { drawArrivals, traces } from './trace.js';

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(share * values.length)]!;

describe('drawArrivals', () => {
  const sharegpt = traces.sharegpt!;
  const arrivals = drawArrivals(sharegpt, 8192, 20_000, 1);

  it('has the medians of its trace, a mean gap a little under one, and nothing beyond the context', () => {
    expect(
      quantile(
        arrivals.map(({ outputTokens }) => outputTokens),
        0.5,
      ) / 415,
    ).toBeCloseTo(1, 1);
    expect(
      quantile(
        arrivals.map(({ promptTokens }) => promptTokens),
        0.5,
      ) / 1730,
    ).toBeCloseTo(1, 1);
    expect(arrivals.at(-1)!.at / arrivals.length).toBeCloseTo(1 - Math.exp(-3), 1);
    for (const { promptTokens, outputTokens } of arrivals)
      expect(promptTokens + outputTokens).toBeLessThanOrEqual(8191);
  });

  it('scales with the context', () => {
    const small = drawArrivals(sharegpt, 1024, 5_000, 1);
    expect(
      quantile(
        small.map(({ promptTokens }) => promptTokens),
        0.5,
      ) /
        (1730 / 8),
    ).toBeCloseTo(1, 1);
  });

  it('is the same again for the same seed, and another one for another', () => {
    expect(drawArrivals(sharegpt, 2048, 50, 7)).toEqual(drawArrivals(sharegpt, 2048, 50, 7));
    expect(drawArrivals(sharegpt, 2048, 50, 7)).not.toEqual(drawArrivals(sharegpt, 2048, 50, 8));
  });
});
