import { parseRedisUrl } from '@sluice/store';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noRedis, RedisServer } from '../../../../store/src/test-support/redis-server.js';
import { startTestGateway, type TestGateway } from '../../test-support/start-test-gateway.js';

let redis: RedisServer;
beforeAll(async () => {
  if (noRedis === undefined) redis = await RedisServer.start();
});
afterAll(() => redis?.close());

describe('responses of two gateways with one Redis', () => {
  let one: TestGateway;
  let two: TestGateway;

  beforeEach(async (context) => {
    if (noRedis !== undefined) context.skip(noRedis);
    const target = { redis: parseRedisUrl(redis.url), fleet: 'responses' };
    one = await startTestGateway(target);
    two = await startTestGateway(target);
    for (const gateway of [one, two]) await untilRedis(gateway, 1);
  });
  afterEach(async () => {
    await one?.stop();
    await two?.stop();
  });

  it('can be asked for, gone on behind and deleted at the other one', async () => {
    const first = await keptResponse(one);
    const next = { model: 'fake/model', input: 'And?', previous_response_id: first.id };
    const second = await clientOf(two).responses.create(next);
    expect(messagesOf(two)).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello world' },
      { role: 'user', content: 'And?' },
    ]);
    const { id } = await keptResponse(two);
    expect(await clientOf(one).responses.retrieve(id)).toMatchObject({ id, output_text: 'Hello world' });
    expect(second.previous_response_id).toBe(first.id);
    await clientOf(two).responses.delete(first.id);
    await expect(clientOf(one).responses.retrieve(first.id)).rejects.toMatchObject({ status: 404 });
  });

  it('are out of reach while Redis is, and answers go on', async () => {
    const { id } = await keptResponse(one);
    expect(await metricOf(two, 'sluice_responses_kept')).toBeGreaterThan(0);
    await redis.kill();
    await untilRedis(one, 0);
    await expect(clientOf(one, 0).responses.retrieve(id)).rejects.toMatchObject({
      status: 503,
      code: 'responses_unavailable',
    });
    const next = { model: 'fake/model', input: 'And?', previous_response_id: id };
    await expect(clientOf(one, 0).responses.create(next)).rejects.toMatchObject({ status: 503 });
    const response = await clientOf(one).responses.create({ model: 'fake/model', input: 'Hi' });
    expect(response.output_text).toBe('Hello world');
    expect(await metricOf(one, 'sluice_responses_total{outcome="unavailable"}')).toBeGreaterThan(0);
    await redis.start();
    await untilRedis(one, 1);
  });
});

/** Tries again what Redis was too slow for. */
function clientOf({ url }: TestGateway, maxRetries = 5): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'ann', maxRetries });
}

/** On a busy machine Redis is slow at times, and what it does not take at once is not kept. */
async function keptResponse(gateway: TestGateway): Promise<OpenAI.Responses.Response> {
  for (;;) {
    const response = await clientOf(gateway).responses.create({ model: 'fake/model', input: 'Hi' });
    const isKept = await clientOf(gateway)
      .responses.retrieve(response.id)
      .then(() => true)
      .catch(() => false);
    if (isKept) return response;
  }
}

/** What the last request to the gateway's worker was. */
function messagesOf({ worker }: TestGateway): unknown {
  return JSON.parse(worker.requests.at(-1)?.messagesJson ?? 'null');
}

async function metricOf({ url }: TestGateway, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

async function untilRedis({ url }: TestGateway, isUp: 0 | 1): Promise<void> {
  while (!new RegExp(`^sluice_redis_up ${isUp}`, 'm').test(await (await fetch(`${url}/metrics`)).text()));
}
