import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { noRedis, RedisServer } from '../../packages/store/src/test-support/redis-server.js';
import { cacheIn } from '../support/cache-in.js';
import { tinyModel } from '../support/tiny-model.js';
import { eventually, SluiceProcess } from './up-server.js';

// Gateways that are killed while they stream, and clients that come back to another one with the last event's id.

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const waitMs = 60_000;
const tokens = 64;
/** Events after which the gateway is killed; all of them with SLUICE_TEST_LONG=1, which takes minutes. */
const kills =
  process.env.SLUICE_TEST_LONG === '1' ? Array.from({ length: tokens }, (_, index) => index + 1) : [1, 2, 17, 40, 63];

let folder = '';
let redis: RedisServer;
let worker: SluiceProcess;
let address = '';
/** The first is killed, the other one lives. */
let gateways: Gateway[] = [];

interface Gateway {
  readonly process: SluiceProcess;
  readonly url: string;
}

beforeAll(async () => {
  if (noRedis !== undefined) return;
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-gateway-deaths-'));
  const model = path.join(folder, 'tiny.gguf');
  // Large enough that a step takes some milliseconds, and a death comes in time.
  const sizes = { layers: 10, hidden: 384, heads: 12, kvHeads: 6, headDim: 32, feedForward: 1152 };
  writeFileSync(model, tinyModel(7, { ...sizes, matrixType: 'Q8_0' }).gguf);
  redis = await RedisServer.start();
  const flags = ['--model', model, '--port', '0', '--threads', '1', '--slots', '8'];
  worker = new SluiceProcess(['worker', ...flags], { SLUICE_CACHE: cacheIn(folder), SLUICE_LOG: 'warn' });
  [, address = ''] = await eventually('a worker to listen', waitMs, () => /grpc:\/\/(\S+)/.exec(worker.stdout));
  gateways = await Promise.all([startGateway(), startGateway()]);
});

beforeEach((context) => {
  if (noRedis !== undefined) context.skip(noRedis);
});

afterAll(async () => {
  for (const { process } of gateways) process.killAll();
  worker?.killAll();
  await redis?.close();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

async function startGateway(): Promise<Gateway> {
  const flags = ['--port', '0', '--worker', address, '--redis', redis.url, '--journal', 'on'];
  const process = new SluiceProcess(['gateway', ...flags], { SLUICE_LOG: 'warn' });
  const [url] = await eventually('a gateway to listen', waitMs, () => /http:\/\/\S+/.exec(process.stdout));
  await eventually('worker and Redis', waitMs, async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return /^sluice_redis_up 1/m.test(text) && /^sluice_gateway_workers_attached 1/m.test(text);
  });
  return { process, url };
}

interface Asking {
  readonly path: string;
  readonly body?: object;
  readonly lastEventId?: string;
  readonly onEvents?: (count: number) => void;
}

/** Whole events, as far as they came. */
function ask({ url }: Gateway, { path: at, body, lastEventId, onEvents }: Asking): Promise<readonly string[]> {
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  return new Promise((resolve, reject) => {
    const request = http.request(url + at, { method: 'POST', headers, agent: false }, (response) => {
      let text = '';
      const whole = (): readonly string[] => text.split(/(?<=\n\n)/).filter((event) => event.endsWith('\n\n'));
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        onEvents?.(whole().length);
      });
      response.on('error', () => {});
      response.on('close', () => {
        if (response.statusCode === 200) resolve(whole());
        else reject(new Error(`${response.statusCode} ${text}`));
      });
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

interface Chunk {
  readonly choices?: readonly {
    readonly text?: string;
    readonly delta?: { readonly role?: string; readonly content?: string };
    readonly logprobs?: Readonly<Record<string, readonly unknown[]>> | null;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { readonly completion_tokens: number } | null;
  readonly error?: unknown;
}

/**
 * All that a stream says, but for where one chunk ends and the next begins: a busy machine sends the tokens of several
 * steps at once. Positions must rise.
 */
function answerOf(events: readonly string[]) {
  const positions = events.map((event) => Number(/^id: \S+\.(\d+)\n/.exec(event)?.[1]));
  const datas = events.map((event) =>
    event
      .replace(/^id: .*\n/, '')
      .replace(/^data: /, '')
      .trimEnd(),
  );
  const chunks = datas.filter((data) => data !== '[DONE]').map((data) => JSON.parse(data) as Chunk);
  const choices = chunks.flatMap((chunk) => chunk.choices ?? []);
  const logprobs: Record<string, unknown[]> = {};
  for (const choice of choices)
    for (const [name, values] of Object.entries(choice.logprobs ?? {}))
      logprobs[name] = [...(logprobs[name] ?? []), ...values];
  return {
    text: choices.map(({ text, delta }) => text ?? delta?.content ?? '').join(''),
    roles: choices.flatMap(({ delta }) => delta?.role ?? []),
    logprobs,
    finishReasons: choices.flatMap((choice) => choice.finish_reason ?? []),
    completionTokens: chunks.flatMap(({ usage }) => usage?.completion_tokens ?? []),
    errors: chunks.flatMap(({ error }) => error ?? []),
    dones: datas.filter((data) => data === '[DONE]').length,
    lastPosition: positions.at(-1),
    isRising: positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0)),
  };
}

const question = { max_tokens: tokens, ignore_eos: true, stream: true, stream_options: { include_usage: true } };
const chat = { ...question, messages: [{ role: 'user', content: 'Tell me of the gateway that died at its desk.' }] };
const sampled = { temperature: 0.9, top_p: 0.95, seed: 11, presence_penalty: 0.5, repetition_penalty: 1.1 };

describe('a stream whose gateway is killed', () => {
  it.each([
    { what: 'greedy', path: '/v1/chat/completions', body: { ...chat, temperature: 0 } },
    { what: 'sampled', path: '/v1/chat/completions', body: { ...chat, ...sampled } },
    {
      what: 'with a stop string',
      path: '/v1/chat/completions',
      body: { ...chat, ...sampled, stop: ['never said', '~~'] },
    },
    {
      what: 'with log-probabilities',
      path: '/v1/completions',
      body: { ...question, ...sampled, prompt: 'Once', logprobs: 3 },
    },
  ])('goes on at another one to the very same end: $what', async ({ path: at, body }) => {
    const [, other] = gateways;
    if (other === undefined) return;
    const whole = await ask(other, { path: at, body });
    expect(answerOf(whole)).toMatchObject({ dones: 1, errors: [], isRising: true });
    for (const kill of kills.filter((each) => each < whole.length)) {
      const [first] = gateways;
      if (first === undefined) return;
      const begin = await ask(first, {
        path: at,
        body,
        onEvents: (count) => count >= kill && first.process.signal('SIGKILL'),
      });
      await first.process.exited;
      const lastEventId = /^id: (\S+)/.exec(begin.at(-1) ?? '')?.[1] ?? '';
      // What came before the kill took effect may have been all of it.
      const isOver = begin.at(-1)?.endsWith('[DONE]\n\n') === true;
      const rest = isOver ? [] : await ask(other, { path: at, lastEventId });
      gateways = [await startGateway(), other];
      expect(answerOf([...begin, ...rest]), `killed after ${begin.length} events`).toEqual(answerOf(whole));
    }
    const metrics = await (await fetch(`${other.url}/metrics`)).text();
    expect(metrics).toMatch(/^sluice_gateway_journal_finds_total\{outcome="went_on"\} [1-9]/m);
  });
});
