import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@sluice/shared';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from './test-support/start-test-gateway.js';

// Tokens through the whole gateway, with the issuer's keys behind real HTTP.

let issuer: Server;
let published: JWK[];
let gateway: TestGateway;
/** Milliseconds by which the gateway's clock is ahead. */
let ahead: number;

beforeEach(async () => {
  published = [];
  ahead = 0;
  issuer = createServer((_, response) => response.end(JSON.stringify({ keys: published })));
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await gateway.stop();
  issuer.close();
});

interface Signer {
  sign(claims?: object): Promise<string>;
}

async function publish(kid: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  published.push({ ...(await exportJWK(publicKey)), kid, alg: 'ES256' });
  const usual = { sub: 'bob', scope: 'inference metrics', iss: 'https://issuer.test', aud: 'sluice' };
  return {
    sign: (claims = {}) =>
      new SignJWT({ ...usual, exp: Math.floor(Date.now() / 1000) + 3_600, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid })
        .sign(privateKey),
  };
}

async function start(signer: Signer): Promise<void> {
  const { port } = issuer.address() as AddressInfo;
  const clock = systemClock();
  gateway = await startTestGateway({
    jwtKeys: `http://127.0.0.1:${port}/keys`,
    jwtIssuer: 'https://issuer.test',
    jwtAudience: 'sluice',
    probeHeaders: { authorization: `Bearer ${await signer.sign()}` },
    clock: { ...clock, nowMs: () => clock.nowMs() + ahead, after: clock.after },
    workerSilenceMs: 3_600_000,
  });
}

async function chat(token: string): Promise<number> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await gateway.chat({}, { headers });
  await response.text();
  return response.status;
}

describe('a gateway with an issuer of tokens', () => {
  it('serves who has one, by name, and within its scope', async () => {
    const signer = await publish('one');
    await start(signer);
    expect(await chat(await signer.sign())).toBe(200);
    expect(gateway.worker.requests[0]!.terms?.client).toBe('bob');
    expect(await chat(await signer.sign({ scope: 'models' }))).toBe(403);
    expect(await chat(await signer.sign({ aud: 'somebody' }))).toBe(401);
  });

  it('takes a key that the issuer begins to use, refuses one that it does not have, and outlives its server', async () => {
    const first = await publish('one');
    await start(first);
    const second = await publish('two');
    const foreign = await publish('foreign');
    published.pop();
    ahead += 10_000;
    expect(await chat(await second.sign())).toBe(200);
    expect(await chat(await foreign.sign())).toBe(401);
    issuer.closeAllConnections();
    await new Promise((resolve) => issuer.close(resolve));
    ahead += 3_600_000;
    expect(await chat(await first.sign())).toBe(200);
    expect(await chat(await foreign.sign())).toBe(401);
  });
});
