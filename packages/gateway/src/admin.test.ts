import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeKey } from './auth/api-keys.js';
import { type FakeWorker, startFakeWorker } from './test-support/fake-worker.js';
import { startTestGateway, type TestGateway, waitReady } from './test-support/start-test-gateway.js';

// The admin calls over real HTTP, with workers that speak the real contract.

let gateway: TestGateway;
let other: FakeWorker;

beforeEach(async () => {
  other = await startFakeWorker();
  gateway = await startTestGateway({ adminKey: 'open sesame' });
});

afterEach(async () => {
  await gateway.stop();
  other.close();
});

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const reply = await fetch(gateway.url + path, { method, headers: { ...type, ...headers }, ...init });
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
}

describe('/admin/workers', () => {
  it('lists the workers with who named them and their load', async () => {
    const { status, body } = await call('GET', '/admin/workers');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      workers: [
        {
          address: gateway.worker.address,
          sources: ['static'],
          isReady: true,
          models: ['fake/model'],
          load: { running: 0 },
        },
      ],
    });
  });

  it('takes on a worker that then gets requests, and lets one go', async () => {
    expect(await call('POST', '/admin/workers', { address: `grpc://${other.address}` })).toEqual({
      status: 200,
      body: { address: other.address },
    });
    await waitReady(gateway.url, 2);
    expect((await call('DELETE', `/admin/workers/${gateway.worker.address}`)).status).toBe(200);
    expect((await gateway.chat()).status).toBe(200);
    expect(other.requests).toHaveLength(1);
    expect(gateway.worker.requests).toHaveLength(0);
  });

  it.each([
    [{}, 'address: is required'],
    [
      { address: 'nowhere' },
      'address: "nowhere" must be an address like grpc://127.0.0.1:9000 or http://127.0.0.1:8080',
    ],
    [{ address: 7 }, 'address: 7 must be a string'],
    [{ address: 'a:1', weight: 2 }, 'weight: is not a field of this request'],
  ])('refuses %j by name', async (body, message) => {
    expect(await call('POST', '/admin/workers', body)).toMatchObject({
      status: 400,
      body: { error: { message, code: 'invalid_request', type: 'invalid_request_error' } },
    });
  });

  it('answers 404 for a worker it does not know, and 405 for what it does not do', async () => {
    expect(await call('DELETE', '/admin/workers/nobody:1')).toMatchObject({
      status: 404,
      body: { error: { message: 'there is no worker nobody:1' } },
    });
    expect((await call('PUT', '/admin/workers', {})).status).toBe(405);
    expect((await call('GET', '/admin/workers/a:1')).status).toBe(405);
  });

  it.each(['x-forwarded-for', 'forwarded', 'origin', 'via', 'x-real-ip'])(
    'refuses a call that comes on behalf of somebody (%s), unless it has the key',
    async (name) => {
      const refused = await call('GET', '/admin/workers', undefined, { [name]: 'http://elsewhere' });
      expect(refused).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
      const wrong = { [name]: 'x', authorization: 'Bearer open sesam' };
      expect((await call('DELETE', '/admin/workers/a:1', undefined, wrong)).status).toBe(403);
      const right = { [name]: 'x', authorization: 'Bearer open sesame' };
      expect((await call('GET', '/admin/workers', undefined, right)).status).toBe(200);
    },
  );
});

describe('A gateway without an admin key', () => {
  it('takes no bearer token for one', async () => {
    const open = await startTestGateway();
    try {
      const headers = { 'x-forwarded-for': '10.0.0.1', authorization: 'Bearer undefined' };
      expect((await fetch(`${open.url}/admin/workers`, { headers })).status).toBe(403);
    } finally {
      await open.stop();
    }
  });
});

describe('A gateway with API keys', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-admin-'));
  const keysFile = path.join(folder, 'keys.json');
  const newKey = (seed: number) => makeKey(new Uint8Array(32).fill(seed), new Uint8Array(8).fill(seed));
  const [operator, user] = [newKey(1), newKey(2)];
  let guarded: TestGateway;

  beforeEach(async () => {
    const entries = [
      { ...operator, name: 'operator', scopes: ['admin', 'metrics'] },
      { ...user, name: 'user', scopes: ['inference'] },
    ];
    writeFileSync(keysFile, JSON.stringify({ keys: entries.map(({ key: _, ...entry }) => entry) }));
    const probeHeaders = { authorization: `Bearer ${operator.key}` };
    guarded = await startTestGateway({ keysFile, adminKey: 'open sesame', probeHeaders });
  });

  afterEach(async () => {
    await guarded.stop();
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const ask = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${guarded.url}/admin/workers`, { headers })).status;

  it('takes admin calls from keys with that scope and from the admin key, wherever they come from', async () => {
    expect(await ask({ authorization: `Bearer ${operator.key}` })).toBe(200);
    expect(await ask({ 'x-api-key': operator.key, 'x-forwarded-for': '10.0.0.1' })).toBe(200);
    expect(await ask({ authorization: 'Bearer open sesame' })).toBe(200);
  });

  it('takes none from other keys, nor for being on this machine', async () => {
    expect(await ask({ authorization: `Bearer ${user.key}` })).toBe(403);
    expect(await ask({ authorization: 'Bearer open sesam' })).toBe(401);
    expect(await ask({})).toBe(401);
  });
});
