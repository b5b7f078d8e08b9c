import { describe, expect, it } from 'vitest';
import { isShallow, LEVELS_MAX } from './nesting.js';

describe('isShallow', () => {
  const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

  it('draws the line behind the last level that may be', () => {
    expect(isShallow({ a: [1, { b: 'c' }] })).toBe(true);
    expect(isShallow(nested(LEVELS_MAX))).toBe(true);
    expect(isShallow(nested(LEVELS_MAX + 1))).toBe(false);
  });

  it('needs no stack for what would overflow one', () => {
    expect(isShallow(nested(1_000_000))).toBe(false);
  });
});
