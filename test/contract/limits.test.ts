import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseRedisUrl } from '@sluice/store';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeKey } from '../../packages/gateway/src/index.js';
import { type FakeRun, finished } from '../../packages/gateway/src/test-support/fake-worker.js';
import { startTestGateway, type TestGateway } from '../../packages/gateway/src/test-support/start-test-gateway.js';
import { noRedis, RedisServer } from '../../packages/store/src/test-support/redis-server.js';

// What a key may use a minute, over two gateways that share a real Redis. A bucket of one leaks a whole minute until it
// holds one more, so that a slow machine changes nothing.

vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-limits-'));
const keysFile = path.join(folder, 'keys.json');
const key = (seed: number) => makeKey(new Uint8Array(32).fill(seed), new Uint8Array(8).fill(seed));
const keys = { operator: key(1), once: key(2), frugal: key(3) };
writeFileSync(
  keysFile,
  JSON.stringify({
    keys: [
      { ...entryOf(keys.operator), name: 'operator', scopes: ['metrics'] },
      { ...entryOf(keys.once), name: 'once', requestsPerMinute: 1 },
      { ...entryOf(keys.frugal), name: 'frugal', tokensPerMinute: 1_000 },
    ],
  }),
);

let redis: RedisServer;
let gateways: readonly TestGateway[] = [];
/** Requests that a worker has and has not answered. */
let held: FakeRun[] = [];

beforeEach(async (context) => {
  if (noRedis !== undefined) return context.skip(noRedis);
  held = [];
  redis = await RedisServer.start({ persistent: true });
  const probeHeaders = { authorization: `Bearer ${keys.operator.key}` };
  const options = { keysFile, probeHeaders, redis: parseRedisUrl(redis.url), fleet: 'limits' };
  const fakes = [{ onSubmit: (run: FakeRun) => held.push(run) }];
  gateways = await Promise.all([startTestGateway({ ...options, fakes }), startTestGateway({ ...options, fakes })]);
  await redisUp(1);
});

afterEach(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  gateways = [];
  await redis?.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function entryOf({ key: _, ...entry }: ReturnType<typeof makeKey>) {
  return entry;
}

/** Resolves when all gateways say of Redis that it is there (1) or not (0). */
async function redisUp(expected: 0 | 1): Promise<void> {
  const headers = { authorization: `Bearer ${keys.operator.key}` };
  for (const { url } of gateways) {
    for (;;) {
      const text = await (await fetch(`${url}/metrics`, { headers })).text();
      if (text.includes(`\nsluice_redis_up ${expected}\n`)) break;
    }
  }
}

/** A request whose answer may have 240 tokens; resolves with its head once it was let in or refused. */
function chat(gateway: TestGateway, who: keyof typeof keys): Promise<Response> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${keys[who].key}` };
  return gateway.chat({ max_tokens: 240, stream: true }, { headers });
}

/** Ends what was let in, with so many tokens each. */
function answerAll(completionTokens: number): void {
  for (const run of held.splice(0)) {
    run.send({ accepted: { promptTokens: 7 } });
    run.send({ tokenIds: [1], text: 'x', finished: finished('FINISH_REASON_STOP', completionTokens) });
  }
}

/** Asks at both gateways, ends what they let in, and gives their status codes in order. */
async function statuses(who: keyof typeof keys): Promise<readonly number[]> {
  const answers = gateways.map((gateway) => chat(gateway, who));
  const ending = setInterval(() => answerAll(1), 10);
  const responses = await Promise.all(answers).finally(() => clearInterval(ending));
  return responses.map(({ status }) => status).sort();
}

describe('limits over two gateways', () => {
  it('hold for both together', async () => {
    expect(await statuses('once')).toEqual([200, 429]);
    expect(await statuses('once')).toEqual([429, 429]);
  });

  it('count what a request may use while it runs, and what it has used when it has ended, whichever gateway it runs at', async () => {
    const [one, other] = gateways as [TestGateway, TestGateway];
    const running = Array.from({ length: 4 }, () => chat(one, 'frugal'));
    await one.worker.until(({ requests }) => requests.length === 4);
    const refused = await chat(other, 'frugal');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    answerAll(1);
    for (const response of await Promise.all(running)) await response.text();
    // The settlements are on their way when the answers have ended.
    for (;;) {
      const answer = chat(other, 'frugal');
      const next = await Promise.race([answer, other.worker.until(() => held.length > 0).then(() => undefined)]);
      if (next?.status === 429) continue;
      answerAll(1);
      expect(Number((await answer).headers.get('x-ratelimit-remaining-tokens'))).toBeGreaterThan(600);
      break;
    }
  });

  it('go on where they were when Redis was killed and is back; meanwhile each gateway counts for itself', async () => {
    expect(await statuses('once')).toEqual([200, 429]);
    await redis.kill();
    await redisUp(0);
    expect(await statuses('once')).toEqual([200, 200]);
    expect(await statuses('once')).toEqual([429, 429]);
    await redis.start();
    await redisUp(1);
    expect(await statuses('once')).toEqual([429, 429]);
  });
});
