import { describe, expect, it } from 'vitest';
import { largestIndex, referenceGreedy, referenceLogits } from './reference.js';
import { tinyModel } from './tiny-model.js';

const ids = [72, 101, 108, 108, 111, 257, 12, 200];

describe('referenceLogits', () => {
  it('does not let a position see what comes after it', () => {
    const { weights, config } = tinyModel(1);
    const whole = referenceLogits(weights, config, ids);
    expect(referenceLogits(weights, config, ids.slice(0, 5))).toEqual(whole.slice(0, 5));
  });

  it('lets the order of the tokens before count', () => {
    const { weights, config } = tinyModel(1);
    const swapped = [101, 72, ...ids.slice(2)];
    const change = difference(
      last(referenceLogits(weights, config, ids)),
      last(referenceLogits(weights, config, swapped)),
    );
    expect(change).toBeGreaterThan(0.1);
  });

  it('with a window of one token sees only the token itself', () => {
    const { weights, config } = tinyModel(1, { slidingWindowTokens: 1 });
    const alone = last(referenceLogits(weights, config, [7]));
    expect(difference(last(referenceLogits(weights, config, [7, 7, 7])), alone)).toBeLessThan(1e-5);
    expect(difference(last(referenceLogits(weights, config, [5, 6, 7])), alone)).toBeLessThan(1e-5);
  });

  it('depends on nothing but the distance of positions', () => {
    const { weights, config } = tinyModel(1, { slidingWindowTokens: 2, layers: 1 });
    const near = last(referenceLogits(weights, config, [5, 6]));
    expect(difference(last(referenceLogits(weights, config, [9, 9, 9, 5, 6])), near)).toBeLessThan(1e-5);
  });

  it('scales positions by the divisor and frequencies by their factors alike', () => {
    const { weights, config } = tinyModel(1);
    const rope = { ...config.rope, positionDivisor: 4 };
    const factors = { ...config.rope, frequencyFactors: new Array<number>(8).fill(4) };
    const divided = last(referenceLogits(weights, { ...config, rope }, ids));
    expect(difference(divided, last(referenceLogits(weights, { ...config, rope: factors }, ids)))).toBeLessThan(1e-5);
    expect(difference(divided, last(referenceLogits(weights, config, ids)))).toBeGreaterThan(0.1);
  });

  it('reads frequency factors from the weights too', () => {
    const { weights, config } = tinyModel(1, { rope: { frequencyFactors: [1, 1, 1, 2, 4, 8, 8, 8] } });
    const bare = { ...config, rope: { ...config.rope, frequencyFactors: undefined } };
    expect(referenceLogits(weights, bare, ids)).toEqual(referenceLogits(weights, config, ids));
  });

  it('uses a head of its own where the model has one', () => {
    const tied = tinyModel(1);
    const untied = tinyModel(1, { tied: false });
    expect(untied.weights.has('output.weight')).toBe(true);
    const change = difference(
      last(referenceLogits(tied.weights, tied.config, ids)),
      last(referenceLogits(untied.weights, untied.config, ids)),
    );
    expect(change).toBeGreaterThan(0.1);
  });
});

describe('referenceGreedy', () => {
  it('gives the likeliest token after each beginning', () => {
    const { weights, config } = tinyModel(2);
    const output = referenceGreedy(weights, config, ids, 12);
    const logits = referenceLogits(weights, config, [...ids, ...output]);
    expect(output).toEqual(output.map((_, index) => largestIndex(logits[ids.length - 1 + index] ?? [])));
    expect(new Set(output).size).toBeGreaterThan(3);
  });
});

function last(rows: readonly Float32Array[]): Float32Array {
  return rows.at(-1) ?? new Float32Array(0);
}

function difference(a: Float32Array, b: Float32Array): number {
  return Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? Number.NaN))));
}
