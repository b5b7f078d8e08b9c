import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { type Channels, quantizeChannels } from './quantize-channels.js';

describe('quantizeChannels', () => {
  it('moves no weight by more than half a step of its output', () => {
    const rng = seededRng(1);
    const weights = Float32Array.from({ length: 5 * 12 }, () => 2 * rng.next() - 1);
    const { quants, scales } = quantizeChannels(weights, 12);
    for (const [index, weight] of weights.entries()) {
      const row = Math.floor(index / 12);
      const quant = quants[(index % 12) * 5 + row]!;
      expect(Math.abs(quant * scales[row]! - weight)).toBeLessThanOrEqual(scales[row]! * 0.5001);
    }
  });

  it('uses the whole range of each output, with the same reach on both sides', () => {
    const { quants } = quantizeChannels(Float32Array.of(-3, 1, 0, 0.5, 0.25, -0.5), 3);
    expect([...quants]).toEqual([-127, 127, 42, 64, 0, -127]);
  });

  it('keeps an output of zeros', () => {
    const { quants, scales } = quantizeChannels(new Float32Array(4), 4);
    expect([...quants]).toEqual([0, 0, 0, 0]);
    expect([...scales]).toEqual([0]);
  });

  it('with moments, gives outputs nearer to those of the weights, for inputs like those', () => {
    const rng = seededRng(4);
    const [rows, columns, tokens] = [8, 64, 300];
    const weights = Float32Array.from({ length: rows * columns }, () => 2 * rng.next() - 1);
    // Channels that go together: a few sources behind all of them.
    const mixing = Float32Array.from({ length: 4 * columns }, () => 2 * rng.next() - 1);
    const inputs = Array.from({ length: tokens }, () => {
      const sources = Array.from({ length: 4 }, () => 2 * rng.next() - 1);
      return Float32Array.from({ length: columns }, (_, i) =>
        sources.reduce((sum, source, j) => sum + source * mixing[j * columns + i]!, 0.1 * rng.next()),
      );
    });
    const sums = new Float32Array(columns * columns);
    for (const x of inputs)
      for (let i = 0; i < sums.length; i++) sums[i]! += x[Math.floor(i / columns)]! * x[i % columns]!;
    const errorOf = ({ quants, scales }: Channels): number => {
      let squares = 0;
      for (const x of inputs) {
        for (let row = 0; row < rows; row++) {
          let error = 0;
          for (let i = 0; i < columns; i++) {
            error += x[i]! * (weights[row * columns + i]! - quants[i * rows + row]! * scales[row]!);
          }
          squares += error * error;
        }
      }
      return squares;
    };
    const plain = errorOf(quantizeChannels(weights, columns));
    expect(errorOf(quantizeChannels(weights, columns, { block: columns, sums }))).toBeLessThan(plain / 4);
    const inBlocks = new Float32Array(2 * 32 * 32);
    for (let i = 0; i < inBlocks.length; i++) {
      const [half, row, column] = [i >> 10, (i >> 5) & 31, i & 31];
      inBlocks[i] = sums[(32 * half + row) * columns + 32 * half + column]!;
    }
    expect(errorOf(quantizeChannels(weights, columns, { block: 32, sums: inBlocks }))).toBeLessThan(plain / 2);
  });
});
