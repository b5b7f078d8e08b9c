import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { parseRedisUrl } from '@sluice/store';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noRedis, RedisServer } from '../../store/src/test-support/redis-server.js';
import { startFakeUpstream } from './test-support/fake-upstream.js';
import { type FakeRun, type FakeWorkerOptions, finished } from './test-support/fake-worker.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './test-support/start-test-gateway.js';

// Clients that lose a stream and come back for the rest. The fake worker knows one answer of 64 tokens and gives the part
// of it that is asked for, as real ones do; every third token has no text of its own.

const tokens = 64;
const texts = Array.from({ length: tokens }, (_, index) => (index % 3 === 1 ? '' : ` ${index}é"\n`));

let gateways: TestGateway[] = [];
let redis: RedisServer;

beforeAll(async () => {
  if (noRedis === undefined) redis = await RedisServer.start();
});
afterAll(() => redis?.close());
afterEach(async () => {
  for (const gateway of gateways) await gateway.stop();
  gateways = [];
});

interface Script {
  /** Tokens after which it says nothing more, the first time. */
  readonly stopAfter?: number;
  /** Tokens that come in one event. */
  readonly group?: number;
}

function speaker({ stopAfter = tokens, group = 1 }: Script = {}): FakeWorkerOptions {
  let runs = 0;
  return {
    onSubmit: (run) => {
      const { logprobs, generatedTokenIds } = run.request;
      const to = runs++ === 0 ? stopAfter : tokens;
      const events = [];
      for (let from = generatedTokenIds.length; from < to; ) {
        const ids = Array.from({ length: Math.min(group, to - from) }, (_, index) => from + index);
        from += ids.length;
        events.push({
          tokenIds: ids,
          text: ids.map((id) => texts[id]).join(''),
          logprobs: logprobs ? ids.map(logprobOf) : [],
          ...(from === tokens ? { finished: finished('FINISH_REASON_STOP', tokens) } : {}),
        });
      }
      run.send({ accepted: { promptTokens: 7 } });
      for (const event of events) run.send(event);
    },
  };
}

function logprobOf(tokenId: number) {
  const token = Buffer.from([tokenId === 0 ? 0xc3 : 65 + (tokenId % 26)]);
  const least = { tokenId: 999, token: Buffer.from('z'), logprob: Number.NEGATIVE_INFINITY, top: [] };
  return { tokenId, token, logprob: -tokenId / 3, top: [least] };
}

async function start(options: TestGatewayOptions): Promise<TestGateway> {
  const gateway = await startTestGateway({ journal: true, ...options });
  gateways.push(gateway);
  return gateway;
}

interface Reply {
  readonly status: number;
  /** Whole events, each with its empty line. */
  readonly events: readonly string[];
  readonly body: string;
}

interface Asking {
  readonly path?: string;
  readonly method?: string;
  readonly body?: unknown;
  readonly lastEventId?: string | undefined;
  readonly headers?: Record<string, string>;
  /** Events after which the client is gone. */
  readonly leaveAfter?: number;
  /** Called with all that has come, whenever something has. */
  readonly onText?: (text: string) => void;
}

/** A client that reads until the end, or until it has enough. */
function ask(gateway: TestGateway, asking: Asking): Promise<Reply> {
  const {
    path = '/v1/chat/completions',
    method = 'POST',
    body,
    lastEventId,
    leaveAfter = Number.POSITIVE_INFINITY,
  } = asking;
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    ...asking.headers,
  };
  return new Promise((resolve, reject) => {
    const request = http.request(gateway.url + path, { method, headers, agent: false }, (response) => {
      let text = '';
      const settle = (): void => {
        const events = text
          .split('\n\n')
          .slice(0, -1)
          .map((event) => `${event}\n\n`);
        resolve({ status: response.statusCode ?? 0, events: events.slice(0, leaveAfter), body: text });
      };
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        asking.onText?.(text);
        if (text.split('\n\n').length <= leaveAfter) return;
        response.destroy();
        settle();
      });
      response.on('end', settle);
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const chat = { messages: [{ role: 'user', content: 'Hi' }], stream: true, seed: 5 };
const withUsage = { ...chat, stream_options: { include_usage: true } };

function lastId(events: readonly string[]): string {
  return /^id: (\S+)\n/.exec(events.at(-1) ?? '')?.[1] ?? '';
}

/** Without what no two streams share. */
function plain(events: readonly string[]): string {
  return events
    .join('')
    .replace(/^id: \S+\./gm, 'id: ')
    .replace(/"id":"[^"]+"/g, '"id":""')
    .replace(/"created":\d+/g, '"created":0');
}

describe('a stream that is written down', () => {
  it('numbers its events, and is otherwise what it is without', async () => {
    const on = await start({ fakes: [speaker()] });
    const off = await start({ fakes: [], workers: [on.worker.address], journal: false });
    const numbered = await ask(on, { body: withUsage });
    const { events } = await ask(off, { body: withUsage });
    expect(plain(numbered.events).replace(/^id: .*\n/gm, '')).toBe(plain(events));
    expect(numbered.events[0]).toMatch(/^id: [\w-]{22}\.0\ndata: /);
    expect(lastId(numbered.events)).toMatch(/\.67$/);
  });

  it.each([
    { what: 'a chat', path: '/v1/chat/completions', body: withUsage },
    {
      what: 'a completion with log-probabilities',
      path: '/v1/completions',
      body: { prompt: 'Hi', logprobs: 1, stream: true, seed: 5, stream_options: { include_usage: true } },
    },
  ])('$what is whole, cut at any event and taken up again by the same gateway', async ({ path, body }) => {
    const gateway = await start({ fakes: [speaker()] });
    const whole = await ask(gateway, { path, body });
    for (let leaveAfter = 1; leaveAfter < whole.events.length; leaveAfter += 1) {
      const { events } = await ask(gateway, { path, body, leaveAfter });
      const rest = await ask(gateway, { path, lastEventId: lastId(events) });
      expect(plain([...events, ...rest.events])).toBe(plain(whole.events));
    }
  });

  it('is redacted as it was, though what is redacted began before the cut', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-resume-'));
    const contentRulesFile = path.join(folder, 'rules.json');
    writeFileSync(contentRulesFile, JSON.stringify({ redact: [{ pattern: '2é"\\n 3é', matchCharactersMax: 8 }] }));
    const gateway = await start({ contentRulesFile, fakes: [speaker()] });
    const whole = await ask(gateway, { body: chat });
    expect(textOf(whole.events)).not.toContain('2é"\n 3é');
    for (let leaveAfter = 1; leaveAfter < 9; leaveAfter += 1) {
      const { events } = await ask(gateway, { body: chat, leaveAfter });
      const rest = await ask(gateway, { lastEventId: lastId(events) });
      expect(plain([...events, ...rest.events])).toBe(plain(whole.events));
    }
    rmSync(folder, { recursive: true });
  });

  it('has nothing more to say to who has it all', async () => {
    const gateway = await start({ fakes: [speaker()] });
    const { events } = await ask(gateway, { body: chat });
    const rest = await ask(gateway, { lastEventId: lastId(events) });
    expect(rest).toMatchObject({ status: 204, body: '' });
  });

  it('is given by its name alone, and from its beginning where nothing was read', async () => {
    const gateway = await start({ fakes: [speaker()] });
    const { events } = await ask(gateway, { body: chat });
    const path = `/v1/streams/${lastId(events).slice(0, 22)}`;
    expect((await ask(gateway, { method: 'GET', path })).events).toEqual(events);
    const rest = await ask(gateway, { method: 'GET', path, lastEventId: lastId(events.slice(0, 30)) });
    expect(rest.events).toEqual(events.slice(30));
    expect((await ask(gateway, { method: 'HEAD', path })).status).toBe(405);
  });

  it('goes on behind what it lost, though its tokens come in other steps', async () => {
    let runs = 0;
    // The second run may bring tokens from both sides of what the client has; the third does not.
    const groups = [1, 4];
    const onSubmit = (run: FakeRun): void => {
      const group = groups[runs] ?? 1;
      speaker({ stopAfter: runs === 0 ? 10 : tokens, group }).onSubmit?.(run);
      runs += 1;
    };
    const gateway = await start({ fakes: [{ onSubmit }] });
    const { events } = await ask(gateway, { body: chat, leaveAfter: 8 });
    const rest = await ask(gateway, { lastEventId: lastId(events) });
    expect(textOf([...events, ...rest.events])).toBe(texts.join(''));
  });

  it('is not given twice: who comes last has it, and the one before hears of it', async () => {
    const runs: FakeRun[] = [];
    const fake = speaker({ stopAfter: 5 });
    const onSubmit = (run: FakeRun): void => {
      runs.push(run);
      fake.onSubmit?.(run);
    };
    const gateway = await start({ fakes: [{ onSubmit }] });
    let firstReply: Promise<Reply> | undefined;
    const id = await new Promise<string>((resolve) => {
      const onText = (text: string): void => {
        if (text.includes('3é')) resolve(/^id: (\S+)/.exec(text)?.[1] ?? '');
      };
      firstReply = ask(gateway, { body: chat, onText });
    });
    const second = await ask(gateway, { lastEventId: id });
    expect(textOf(second.events)).toBe(texts.join(''));
    runs[0]?.send({ tokenIds: [5], text: texts[5] ?? '' });
    const first = await firstReply;
    expect(first?.events.at(-1)).toContain('"code":"stream_taken"');
    await gateway.worker.until(({ cancelled }) => cancelled.length === 1);
  });

  it('that failed for good fails again', async () => {
    const onSubmit = (run: FakeRun): void => {
      run.send({ accepted: { promptTokens: 7 } });
      run.send({ tokenIds: [1], text: 'One' });
      run.send({ failed: { code: 'internal', message: 'broken', field: '' } });
    };
    const gateway = await start({ fakes: [{ onSubmit }] });
    const { events } = await ask(gateway, { body: chat });
    expect(events.at(-1)).toContain('"code":"internal"');
    const rest = await ask(gateway, { lastEventId: /^id: (\S+)/.exec(events[0] ?? '')?.[1] });
    expect(rest.events).toEqual(events.slice(1));
    expect(gateway.worker.requests.length).toBe(1);
  });
});

describe('a last-event-id', () => {
  it.each([
    { what: 'that is none', id: 'nonsense', status: 400, code: 'invalid_request' },
    { what: 'without a position', id: 'AAAAAAAAAAAAAAAAAAAAAA', status: 400, code: 'invalid_request' },
    { what: 'of a stream that nobody knows', id: 'AAAAAAAAAAAAAAAAAAAAAA.3', status: 404, code: 'not_found' },
  ])('$what is refused', async ({ id, status, code }) => {
    const gateway = await start({ fakes: [speaker()] });
    const reply = await ask(gateway, { lastEventId: id });
    expect(reply.status).toBe(status);
    expect(JSON.parse(reply.body)).toMatchObject({ error: { code, param: 'last-event-id' } });
  });

  it('beyond the end of its stream is refused', async () => {
    const gateway = await start({ fakes: [speaker()] });
    const { events } = await ask(gateway, { body: chat });
    const reply = await ask(gateway, { lastEventId: lastId(events).replace(/\d+$/, '1000') });
    expect(reply.status).toBe(400);
    expect(reply.body).toContain('position 1000 must be at most 66');
  });

  it('of another endpoint, or of another stream than the path names, is refused', async () => {
    const gateway = await start({ fakes: [speaker()] });
    const { events } = await ask(gateway, { body: chat });
    const lastEventId = lastId(events);
    expect((await ask(gateway, { path: '/v1/completions', lastEventId })).body).toContain('/v1/chat/completions');
    const path = '/v1/streams/AAAAAAAAAAAAAAAAAAAAAA';
    expect((await ask(gateway, { method: 'GET', path, lastEventId })).status).toBe(400);
  });

  it('of another caller looks as if there were none', async () => {
    const gateway = await start({ fakes: [speaker()] });
    const { events } = await ask(gateway, { body: chat, headers: { authorization: 'Bearer one' } });
    const lastEventId = lastId(events.slice(0, 5));
    expect((await ask(gateway, { lastEventId, headers: { authorization: 'Bearer two' } })).status).toBe(404);
    expect((await ask(gateway, { lastEventId })).status).toBe(404);
    expect((await ask(gateway, { lastEventId, headers: { authorization: 'Bearer one' } })).status).toBe(200);
  });

  it('of a stream that another engine made is of none: nobody makes it twice', async () => {
    const upstream = await startFakeUpstream();
    const gateway = await start({ fakes: [], workers: [upstream.url] });
    const { events } = await ask(gateway, { body: chat });
    expect(lastId(events)).not.toBe('');
    expect((await ask(gateway, { lastEventId: lastId(events) })).status).toBe(404);
    await upstream.close();
  });

  it('is refused where streams are not written down', async () => {
    const gateway = await start({ journal: false, fakes: [speaker()] });
    const reply = await ask(gateway, { lastEventId: 'AAAAAAAAAAAAAAAAAAAAAA.3' });
    expect(reply.status).toBe(400);
    expect(reply.body).toContain('keeps no journals');
  });
});

describe('two gateways with one Redis', () => {
  beforeEach((context) => {
    if (noRedis !== undefined) context.skip(noRedis);
  });

  async function startTwo(fakes: readonly FakeWorkerOptions[]): Promise<readonly [TestGateway, TestGateway]> {
    const target = { redis: parseRedisUrl(redis.url), fleet: `fleet-${Math.floor(performance.now())}` };
    const one = await start({ ...target, fakes });
    const workers = one.workers.map(({ address }) => address);
    const two = await start({ ...target, fakes: [], workers });
    for (const gateway of [one, two]) await untilRedis(gateway);
    return [one, two];
  }

  it('give every rest of each other’s streams, cut at any event', async () => {
    const [one, two] = await startTwo([speaker()]);
    const whole = await ask(one, { body: withUsage });
    for (let leaveAfter = 1; leaveAfter < whole.events.length; leaveAfter += 1) {
      const { events } = await ask(one, { body: withUsage, leaveAfter });
      const rest = await askPatiently(two, { lastEventId: lastId(events) });
      expect(plain([...events, ...rest.events])).toBe(plain(whole.events));
    }
  });

  it('go on with what the other cannot finish', async () => {
    const begun = new Set<number>();
    const onSubmit = (run: FakeRun): void => {
      const seed = Number(run.request.sampling?.seed);
      speaker({ stopAfter: begun.has(seed) || seed === chat.seed ? tokens : 50 }).onSubmit?.(run);
      begun.add(seed);
    };
    const [one, two] = await startTwo([{ onSubmit }]);
    const whole = await ask(one, { body: chat });
    for (const leaveAfter of [1, 2, 10, 30, 34]) {
      const { events } = await ask(one, { body: { ...chat, seed: 100 + leaveAfter }, leaveAfter });
      const rest = await askPatiently(two, { body: chat, lastEventId: lastId(events) });
      expect(plain([...events, ...rest.events])).toBe(plain(whole.events));
    }
  });

  it('say that streams are out of reach while Redis is, and go on with their own', async () => {
    const [one, two] = await startTwo([speaker()]);
    const { events } = await ask(one, { body: chat });
    await redis.kill();
    for (;;) {
      const reply = await ask(two, { lastEventId: lastId(events.slice(0, 9)) });
      if (reply.status === 503) break;
    }
    expect(textOf((await ask(one, { body: chat })).events)).toBe(texts.join(''));
    await redis.start();
  });
});

/** On a busy machine Redis is slow at times, which is no matter to streams and is said to who comes back. */
async function askPatiently(gateway: TestGateway, asking: Asking): Promise<Reply> {
  for (;;) {
    const reply = await ask(gateway, asking);
    if (reply.status !== 503 && reply.status !== 404) return reply;
  }
}

async function untilRedis(gateway: TestGateway): Promise<void> {
  while (!/^sluice_redis_up 1/m.test(await (await fetch(`${gateway.url}/metrics`)).text()));
}

function textOf(events: readonly string[]): string {
  return events
    .map((event) => event.replace(/^id: .*\n/, '').replace(/^data: /, ''))
    .filter((data) => data.startsWith('{'))
    .map((data) => (JSON.parse(data) as Chunk).choices?.[0]?.delta?.content ?? '')
    .join('');
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
}
