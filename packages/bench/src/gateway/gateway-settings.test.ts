import { describe, expect, it } from 'vitest';
import { BenchUsageError } from '../benchmark.js';
import { readGatewaySettings, requestsPerStream, stepMsOf, subjectNames } from './gateway-settings.js';

describe('readGatewaySettings', () => {
  it('measures everything by default, and less of it when in haste', () => {
    const all = readGatewaySettings({}, false);
    expect(all).toMatchObject({ subjects: subjectNames, streams: [64, 512, 2_000, 5_000], rounds: 3, kill: false });
    expect(readGatewaySettings({}, true)).toMatchObject({ subjects: subjectNames, streams: [64, 512], rounds: 1 });
  });

  it('takes lists with blanks, and no subject twice', () => {
    const { subjects, streams } = readGatewaySettings({ subjects: 'nginx, sluice,nginx', streams: '1, 20000' }, true);
    expect([subjects, streams]).toEqual([
      ['nginx', 'sluice'],
      [1, 20_000],
    ]);
  });

  it('refuses what cannot be, and names flag, value and bound', () => {
    expect(() => readGatewaySettings({ subjects: 'ngnix' }, true)).toThrow(
      /^--subjects ngnix must be of direct, nginx/,
    );
    expect(() => readGatewaySettings({ streams: '64,20001' }, true)).toThrow(
      '--streams 20001 must be a whole number from 1 to 20000',
    );
    expect(() => readGatewaySettings({ tokens: '1' }, true)).toThrow(BenchUsageError);
  });
});

describe('stepMsOf', () => {
  it('gives a stream a token every 20 ms, or as often as the rate of all allows', () => {
    expect([1, 400, 401, 5_000].map((streams) => stepMsOf(streams, { tokensPerSecondMax: 20_000 }))).toEqual([
      20, 20, 21, 250,
    ]);
  });
});

describe('requestsPerStream', () => {
  const pace = { tokens: 64, tokensPerSecondMax: 20_000 };

  it('makes loads of ten seconds, and of two requests a stream at least', () => {
    expect([1, 64, 300, 5_000].map((streams) => requestsPerStream(streams, pace))).toEqual([8, 8, 3, 2]);
    expect(requestsPerStream(64, { ...pace, tokensPerSecondMax: 800 })).toBe(2);
  });

  it('makes do with 40,000 tokens', () => {
    expect(requestsPerStream(400, { tokens: 4, tokensPerSecondMax: 20_000 })).toBe(25);
  });
});
