import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addUpstreamFlags, type UpstreamFlags, upstreamOptions } from './upstream-flags.js';

const parse = (...flags: string[]): UpstreamFlags =>
  addUpstreamFlags(new Command()).exitOverride().parse(flags, { from: 'user' }).opts();

describe('addUpstreamFlags', () => {
  it('leaves to the gateway what nobody says', () => {
    expect(upstreamOptions(parse())).toEqual({});
    const flags = ['--upstream-requests', '8', '--upstream-first-text-ms', '120000', '--upstream-gap-ms', '5000'];
    expect(upstreamOptions(parse(...flags))).toEqual({
      upstreamRequestsMax: 8,
      upstreamFirstTextMs: 120_000,
      upstreamGapMs: 5_000,
    });
  });

  it.each([
    [['--upstream-requests', '0'], '--upstream-requests 0 must be a whole number from 1 to 65536'],
    [['--upstream-gap-ms', '1s'], '--upstream-gap-ms 1s must be a whole number from 1 to 86400000'],
  ])('refuses %j in one line', (flags, message) => {
    expect(() => parse(...flags)).toThrow(message);
  });
});
