import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { quantizeChannels } from './quantize-channels.js';

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
});
