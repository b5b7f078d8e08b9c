import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../test-support/manual-clock.js';
import { makeKey, parseKeyFile } from './api-keys.js';
import { checkModel, checkPriority, checkScope } from './caller.js';
import { Gatekeeper } from './gatekeeper.js';

const clock = new ManualClock();
const nowS = Math.floor(clock.wallMs() / 1000);
const { key, ...entry } = makeKey(new Uint8Array(32).fill(9), new Uint8Array(8).fill(9));
const apiKeys = parseKeyFile(JSON.stringify({ keys: [{ name: 'alice', ...entry }] }));

let gatekeeper: Gatekeeper;
let sign: (claims: JWTPayload, algorithm?: string) => Promise<string>;

beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' };
  const tokens = { keys: createLocalJWKSet({ keys: [jwk] }), issuer: 'https://issuer.test', audience: 'sluice' };
  gatekeeper = new Gatekeeper({ apiKeys: () => apiKeys, tokens, clock });
  sign = (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey);
});

const good = (): JWTPayload => ({ sub: 'bob', iss: 'https://issuer.test', aud: 'sluice', exp: nowS + 60 });

describe('Gatekeeper.identify', () => {
  it('lets anybody in where nothing is set up', async () => {
    const open = new Gatekeeper({ apiKeys: undefined, tokens: undefined, clock });
    expect((await open.identify({})).name).toBe('');
  });

  it.each(['Bearer', 'bearer'])('takes an API key as "%s"', async (scheme) => {
    expect((await gatekeeper.identify({ authorization: `${scheme} ${key}` })).name).toBe('alice');
  });

  it('takes an API key as x-api-key', async () => {
    expect((await gatekeeper.identify({ 'x-api-key': key })).name).toBe('alice');
  });

  it('takes a token, and its terms', async () => {
    const token = await sign({
      ...good(),
      scope: 'inference other',
      sluice_models: ['m'],
      sluice_tokens_per_minute: 9,
    });
    expect(await gatekeeper.identify({ authorization: `Bearer ${token}` })).toEqual({
      name: 'bob',
      scopes: new Set(['inference']),
      models: new Set(['m']),
      requestsPerMinute: undefined,
      tokensPerMinute: 9,
      priorityMax: 'high',
    });
  });

  it.each<[string, () => JWTPayload]>([
    ['it has expired', () => ({ ...good(), exp: nowS - 60 })],
    ['it never expires', () => ({ sub: 'bob', iss: 'https://issuer.test', aud: 'sluice' })],
    ['it is for somebody else', () => ({ ...good(), aud: 'other' })],
    ['somebody else issued it', () => ({ ...good(), iss: 'https://other.test' })],
    ['it names nobody', () => ({ ...good(), sub: '' })],
    ['a limit in it is none', () => ({ ...good(), sluice_tokens_per_minute: -1 })],
  ])('refuses a token when %s', async (_, claims) => {
    const authorization = `Bearer ${await sign(claims())}`;
    await expect(gatekeeper.identify({ authorization })).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('refuses a token that was signed with what is public, or with nothing', async () => {
    const body = (await sign(good())).split('.')[1]!;
    const head = (alg: string): string => Buffer.from(JSON.stringify({ alg, kid: 'one' })).toString('base64url');
    const secret = new TextEncoder().encode('one');
    const forged = await new SignJWT(good()).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(secret);
    for (const token of [`${head('none')}.${body}.`, `${head('none')}.${body}.AAAA`, forged]) {
      await expect(gatekeeper.identify({ authorization: `Bearer ${token}` })).rejects.toMatchObject({
        code: 'unauthorized',
      });
    }
  });

  it.each([
    [{}, 'authorization is missing'],
    [{ authorization: 'Basic YTpi' }, 'must be "Bearer"'],
    [{ authorization: 'Bearer wrong' }, 'is not known'],
    [{ authorization: `Bearer ${'x'.repeat(9_000)}` }, '9000 characters, at most 8192'],
  ])('says what is wrong with %j', async (headers, problem) => {
    await expect(gatekeeper.identify(headers)).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining(problem),
    });
  });
});

describe('what a caller may', () => {
  it('is checked by scope, model and class, and the message names the bound', async () => {
    const caller = {
      ...(await gatekeeper.identify({ 'x-api-key': key })),
      models: new Set(['a']),
      priorityMax: 'normal',
    } as const;
    expect(() => checkScope(caller, 'inference')).not.toThrow();
    expect(() => checkScope(caller, 'admin')).toThrow('scope admin; the credentials have inference, models');
    expect(() => checkModel(caller, 'a')).not.toThrow();
    expect(() => checkModel(caller, 'b')).toThrow('model: "b" is not allowed with these credentials, only "a"');
    expect(() => checkPriority(caller, 'low')).not.toThrow();
    expect(() => checkPriority(caller, 'high')).toThrow('x-sluice-priority: high must be at most normal');
  });
});
