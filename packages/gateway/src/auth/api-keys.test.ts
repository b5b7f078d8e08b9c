import { describe, expect, it } from 'vitest';
import { type ApiKeys, makeKey, parseKeyFile } from './api-keys.js';

const made = makeKey(new Uint8Array(32).fill(7), new Uint8Array(8).fill(7));
const { key, ...entry } = made;

function keys(fields: object = {}): ApiKeys {
  return parseKeyFile(JSON.stringify({ keys: [{ name: 'alice', ...entry, ...fields }] }));
}

describe('makeKey', () => {
  it('makes a key whose file entry holds nothing of its secret', () => {
    expect(key).toMatch(/^sk-sluice-[0-9a-z]{8}-[\w-]{43}$/);
    expect(JSON.stringify(entry)).not.toContain(key.split('-').at(-1));
  });
});

describe('ApiKeys.find', () => {
  it('knows who has a key, and what they may', () => {
    const caller = keys({ scopes: ['admin'], models: ['small'], requestsPerMinute: 5, priorityMax: 'low' }).find(
      key,
      0,
    );
    expect(caller).toEqual({
      name: 'alice',
      scopes: new Set(['admin']),
      models: new Set(['small']),
      requestsPerMinute: 5,
      tokensPerMinute: undefined,
      priorityMax: 'low',
    });
  });

  it.each([
    ['the secret is another', `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`],
    ['the id is another', key.replace(entry.id, 'zzzzzzzz')],
    ['a part is missing', key.slice(0, -1)],
    ['there is more of it', `${key}A`],
    ['it is empty', ''],
    ['it is the hash', entry.sha256],
  ])('knows nobody when %s', (_, other) => {
    expect(keys().find(other, 0)).toBeUndefined();
  });

  it('knows nobody once the key has expired', () => {
    const expiring = keys({ expires: '2027-01-01T00:00:00Z' });
    expect(expiring.find(key, Date.UTC(2026, 11, 31))).toBeDefined();
    expect(expiring.find(key, Date.UTC(2027, 0, 1))).toBeUndefined();
  });
});

describe('parseKeyFile', () => {
  it.each([
    ['{', 'not JSON'],
    ['{"keys":[{"name":"a"}]}', 'keys[0].id: is required'],
    [JSON.stringify({ keys: [{ name: 'a', ...entry, sha256: 'ff' }] }), 'must be 64 hexadecimal digits'],
    [JSON.stringify({ keys: [{ name: 'a', ...entry, scopes: ['root'] }] }), 'keys[0].scopes[0]: "root" must be one of'],
    [
      JSON.stringify({ keys: [{ name: 'a', ...entry, tokensPerMinute: 0 }] }),
      'keys[0].tokensPerMinute: 0 must be at least 1',
    ],
    [JSON.stringify({ keys: [{ name: 'a', ...entry, limit: 1 }] }), 'keys[0].limit'],
    [JSON.stringify({ keys: [{ name: 'a', ...entry, expires: 'soon' }] }), 'keys[0].expires'],
    [
      JSON.stringify({
        keys: [
          { name: 'a', ...entry },
          { name: 'b', ...entry },
        ],
      }),
      'two keys have the same id',
    ],
  ])('says what is wrong with %s', (text, problem) => {
    expect(() => parseKeyFile(text)).toThrow(problem);
  });
});
