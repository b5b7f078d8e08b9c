import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLog } from '@sluice/shared';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyToken } from '../auth/json-web-tokens.js';
import { ManualClock } from '../test-support/manual-clock.js';
import { RemoteKeys } from './remote-keys.js';

// An issuer's real HTTP server, which changes its keys, goes away and misbehaves.

const log = createLog('gateway');
log.level = 'silent';

interface Issued {
  readonly publicKey: JWK;
  readonly token: string;
}

let clock: ManualClock;
let server: Server;
let answer: string | Buffer;
let status: number;
let fetches: number;
let keys: RemoteKeys;

beforeEach(async () => {
  clock = new ManualClock();
  [answer, status, fetches] = ['', 200, 0];
  server = createServer((_, response) => {
    fetches += 1;
    response.writeHead(status, { location: '/elsewhere' }).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => stopServer());

function stopServer(): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

async function issue(kid: string): Promise<Issued> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const claims = { sub: 'bob', exp: Math.floor(clock.wallMs() / 1000) + 1_000_000 };
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey);
  return { publicKey: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' }, token };
}

function serve(...issued: readonly Issued[]): void {
  answer = JSON.stringify({ keys: issued.map(({ publicKey }) => publicKey) });
}

function start(): void {
  const { port } = server.address() as AddressInfo;
  keys = new RemoteKeys(new URL(`http://127.0.0.1:${port}/keys`), clock, log);
}

/** The caller's name, or the code of the refusal. */
function check({ token }: Issued): Promise<string> {
  const rules = { keys: keys.find, issuer: undefined, audience: undefined };
  return verifyToken(token, rules, clock.wallMs()).then(
    ({ name }) => name,
    (error: { readonly code: string }) => error.code,
  );
}

describe('RemoteKeys.find', () => {
  it('fetches once for many tokens, and again for a key it has not seen', async () => {
    const [old, fresh] = [await issue('old'), await issue('fresh')];
    serve(old);
    start();
    expect(await Promise.all([check(old), check(old), check(old)])).toEqual(['bob', 'bob', 'bob']);
    expect(fetches).toBe(1);
    clock.advance(10_000);
    serve(fresh, old);
    expect(await check(fresh)).toBe('bob');
    expect(await check(old)).toBe('bob');
    expect(fetches).toBe(2);
  });

  it('refuses a key that nobody has, and asks for it every 10 s at most', async () => {
    const [known, unknown] = [await issue('known'), await issue('unknown')];
    serve(known);
    start();
    expect(await check(known)).toBe('bob');
    for (let i = 0; i < 20; i++) expect(await check(unknown)).toBe('unauthorized');
    expect(fetches).toBe(1);
    clock.advance(10_000);
    for (let i = 0; i < 20; i++) expect(await check(unknown)).toBe('unauthorized');
    expect(fetches).toBe(2);
  });

  it('goes on with the keys it knows while the server is away, for a day', async () => {
    const known = await issue('known');
    serve(known);
    start();
    expect(await check(known)).toBe('bob');
    await stopServer();
    clock.advance(23 * 3_600_000);
    expect(await check(known)).toBe('bob');
    clock.advance(2 * 3_600_000);
    expect(await check(known)).toBe('keys_unavailable');
  });

  it('lets go of a key that the issuer has withdrawn', async () => {
    const [old, fresh] = [await issue('old'), await issue('fresh')];
    serve(old);
    start();
    expect(await check(old)).toBe('bob');
    serve(fresh);
    clock.advance(600_000);
    expect(await check(fresh)).toBe('bob');
    expect(await check(old)).toBe('unauthorized');
  });

  it.each<[string, () => void]>([
    ['is an error', () => (status = 500)],
    ['is a redirect', () => (status = 302)],
    ['is no JSON', () => (answer = 'keys')],
    ['has no keys', () => (answer = '{}')],
    ['has no end', () => (answer = Buffer.alloc(2 ** 20 + 1, ' '))],
  ])('says 503 and not 401 where the answer %s, and finds keys when they come', async (_, spoil) => {
    const known = await issue('known');
    serve(known);
    const good = answer;
    spoil();
    start();
    expect(await check(known)).toBe('keys_unavailable');
    [answer, status] = [good, 200];
    clock.advance(10_000);
    expect(await check(known)).toBe('bob');
  });
});
