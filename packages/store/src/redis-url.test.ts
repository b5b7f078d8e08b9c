import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from './redis-url.js';

const plain = { username: undefined, password: undefined, isTls: false, caFile: undefined };

describe('parseRedisUrl', () => {
  it.each([
    ['redis://cache', { kind: 'single', node: { host: 'cache', port: 6379 }, database: 0, ...plain }],
    ['redis://10.0.0.1:7000/3', { kind: 'single', node: { host: '10.0.0.1', port: 7000 }, database: 3, ...plain }],
    ['redis://[::1]:7000/', { kind: 'single', node: { host: '::1', port: 7000 }, database: 0, ...plain }],
    [
      'rediss://u:p%40%2Fs@cache?ca=/etc/ca.pem',
      { username: 'u', password: 'p@/s', isTls: true, caFile: '/etc/ca.pem' },
    ],
    ['redis://:a:b@cache', { username: undefined, password: 'a:b' }],
    ['redis://secret@cache', { username: undefined, password: 'secret' }],
    ['redis://:100%@cache', { password: '100%' }],
    [
      'redis+sentinel://:p@a:1,b/fleet/2?sentinel-password=s',
      {
        kind: 'sentinel',
        sentinels: [
          { host: 'a', port: 1 },
          { host: 'b', port: 26379 },
        ],
        masterName: 'fleet',
        database: 2,
        password: 'p',
        sentinelPassword: 's',
      },
    ],
    [
      'rediss+cluster://a:1,b',
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 6379 },
        ],
        isTls: true,
      },
    ],
  ])('reads %s', (text, expected) => {
    expect(parseRedisUrl(text)).toMatchObject(expected);
  });

  it.each([
    ['localhost:6379', 'must be an address like redis://host:6379'],
    ['http://cache', 'must be an address like redis://host:6379'],
    ['redis+pigeon://cache', 'must be an address like redis://host:6379'],
    ['redis://', 'must be an address like redis://host:6379'],
    ['redis://a b', 'must be an address like redis://host:6379'],
    ['redis://cache:0', '"cache:0", which must be a host, or host:port with a port from 1 to 65535'],
    ['redis://cache:65536', 'port from 1 to 65535'],
    ['redis://cache/one', '"one", which must be a number from 0 to 9999'],
    ['redis://cache/1/2', 'must end with a database number at most'],
    ['redis://a,b', 'names several hosts, which needs redis+sentinel:// or redis+cluster://'],
    ['redis://cache?ca=x', 'has the parameter ca, which needs rediss://'],
    ['rediss://cache?cert=x', 'has the parameter cert, which must be one of ca'],
    ['redis+sentinel://a', 'must end with the name of the master'],
    ['redis+cluster://a/1', 'names a database, and a cluster has only one'],
  ])('refuses %s and says why', (text, problem) => {
    expect(() => parseRedisUrl(text, '--redis')).toThrow(/^--redis /);
    expect(() => parseRedisUrl(text, '--redis')).toThrow(problem);
  });

  it('shows no secret, not even of an address that is wrong', () => {
    const { shown } = parseRedisUrl('redis+sentinel://me:hidden@a/m?sentinel-password=hidden');
    expect(shown).toBe('redis+sentinel://***@a/m?sentinel-password=***');
    const wrong = ['redis://me:hidden@cache:0', 'redis://:hid/hidden@cache', 'redis://:hidden@a@b', 'x://:hidden@c'];
    for (const text of wrong) expect(messageOf(text)).toMatch(/^--redis (?!.*hidden)/);
  });
});

function messageOf(text: string): string {
  try {
    parseRedisUrl(text);
  } catch (error) {
    return String(error instanceof Error && error.message);
  }
  return '';
}
