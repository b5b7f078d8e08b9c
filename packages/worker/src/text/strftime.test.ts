import { describe, expect, it } from 'vitest';
import { strftime } from './strftime.js';

describe('strftime', () => {
  it('writes the directives that templates use', () => {
    const wallMs = Date.UTC(2026, 0, 4, 0, 5, 9);
    expect(strftime(wallMs, '%Y-%m-%d %H:%M:%S %I%p %B %b %A %a %y 100%% %Q')).toBe(
      '2026-01-04 00:05:09 12AM January Jan Sunday Sun 26 100% %Q',
    );
  });
});
