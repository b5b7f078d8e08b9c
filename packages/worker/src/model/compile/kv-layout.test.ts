import { describe, expect, it } from 'vitest';
import { tinyModel } from '../tiny-model.js';
import { headLength, kvBytesPerToken, kvLayout } from './kv-layout.js';

const { config } = tinyModel(1);

describe('kvBytesPerToken', () => {
  it('counts key and value of every layer, and the scales that lie beside integers', () => {
    expect(kvBytesPerToken(config, 'f32', 'runtime')).toBe(2 * 2 * 2 * 16 * 4);
    expect(kvBytesPerToken(config, 'f16', 'own')).toBe(2 * 2 * 2 * 16 * 2);
    expect(kvBytesPerToken(config, 'q8', 'runtime')).toBe(2 * 2 * 2 * 16);
    expect(kvBytesPerToken(config, 'q8', 'own')).toBe(2 * 2 * 2 * (16 + 4));
  });
});

describe('headLength', () => {
  it('counts whole blocks', () => {
    expect([0, 1, 7].map((tokens) => headLength(kvLayout('q8', 'runtime', config), tokens))).toEqual([0, 16, 7 * 16]);
    const own = kvLayout('q8', 'own', config);
    expect([0, 1, 16, 17].map((tokens) => headLength(own, tokens))).toEqual([0, 16 * 20, 16 * 20, 32 * 20]);
  });
});
