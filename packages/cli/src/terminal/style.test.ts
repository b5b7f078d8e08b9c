import { describe, expect, it } from 'vitest';
import { styleFor } from './style.js';

describe('styleFor', () => {
  it('colours a terminal only, and only one that wants it', () => {
    expect(styleFor({ isTTY: true }, {}).bold('x')).toBe('\x1b[1mx\x1b[22m');
    expect(styleFor({}, {}).bold('x')).toBe('x');
    expect(styleFor({ isTTY: true }, { NO_COLOR: '1' }).bold('x')).toBe('x');
    expect(styleFor({ isTTY: true }, { TERM: 'dumb' }).bold('x')).toBe('x');
  });
});
