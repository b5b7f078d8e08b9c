import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type FakeUpstream,
  type FakeUpstreamOptions,
  sayHello,
  startFakeUpstream,
  type UpstreamRun,
} from './test-support/fake-upstream.js';
import { finished } from './test-support/fake-worker.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './test-support/start-test-gateway.js';

// What OpenAI-compatible servers do to a gateway, good and bad, as the official client sees it in front.

let gateway: TestGateway;
let upstreams: FakeUpstream[] = [];
afterEach(async () => {
  await gateway.stop();
  for (const upstream of upstreams) await upstream.close();
  upstreams = [];
});

async function start(fakes: readonly FakeUpstreamOptions[], options: TestGatewayOptions = {}): Promise<void> {
  upstreams = await Promise.all(fakes.map((fake) => startFakeUpstream(fake)));
  gateway = await startTestGateway({ fakes: [], workers: upstreams.map(({ url }) => url), ...options });
}

function openai(): OpenAI {
  return new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 20_000 });
}

/** The first request that comes, wherever, meets the trouble; the others are answered. */
function troubleFirst(trouble: (run: UpstreamRun) => void, count = 2): FakeUpstreamOptions[] {
  let isFirst = true;
  const onRun = (run: UpstreamRun): void => {
    const wasFirst = isFirst;
    isFirst = false;
    if (wasFirst) trouble(run);
    else sayHello(run);
  };
  return Array.from({ length: count }, () => ({ onRun }));
}

const ask = { model: 'fake/model', messages: [{ role: 'user' as const, content: 'Hi' }] };

async function streamed(
  fields: Record<string, unknown> = {},
): Promise<{ text: string; error: unknown; finish: unknown }> {
  let text = '';
  let finish: unknown;
  try {
    const stream = await openai().chat.completions.create({ ...ask, ...fields, stream: true });
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? '';
      finish = choices[0]?.finish_reason ?? finish;
    }
    return { text, error: undefined, finish };
  } catch (error) {
    return { text, error, finish };
  }
}

const runs = (): UpstreamRun[] => upstreams.flatMap((upstream) => upstream.runs);

describe('an OpenAI-compatible server as a worker', () => {
  it('answers streams, whole replies and completions', async () => {
    await start([{}]);
    expect(await streamed()).toEqual({ text: 'Hello world', error: undefined, finish: 'stop' });
    const whole = await openai().chat.completions.create(ask);
    expect(whole.choices[0]?.message.content).toBe('Hello world');
    expect(whole.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 });
    const completion = await openai().completions.create({ model: 'fake/model', prompt: [1, 2, 3], max_tokens: 4 });
    expect(completion.choices[0]?.text).toBe('Hello world');
    expect(runs().map(({ path }) => path)).toEqual(['/v1/chat/completions', '/v1/chat/completions', '/v1/completions']);
    expect(runs()[2]?.body).toMatchObject({ prompt: [1, 2, 3], max_tokens: 4 });
  });

  it('gets what was asked for, and nothing that was not', async () => {
    await start([{}], { upstreamKey: 'secret' });
    await gateway.chat(
      { model: 'fake/model' },
      { headers: { 'content-type': 'application/json', 'x-request-id': 'mine' } },
    );
    expect(runs()[0]?.body).toEqual({
      model: 'fake/model',
      messages: [{ role: 'user', content: 'Hi' }],
      temperature: 1,
      top_p: 1,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(runs()[0]?.headers).toMatchObject({ authorization: 'Bearer secret', 'x-request-id': 'mine' });
    await gateway.chat({
      temperature: 0.5,
      top_p: 0.9,
      top_k: 5,
      min_p: 0.1,
      seed: 3,
      stop: 'x',
      presence_penalty: 1,
      frequency_penalty: -1,
      repetition_penalty: 1.1,
      logit_bias: { 7: -3 },
      max_completion_tokens: 9,
      ignore_eos: true,
      logprobs: true,
      top_logprobs: 2,
    });
    expect(runs()[1]?.body).toEqual({
      model: 'fake/model',
      messages: [{ role: 'user', content: 'Hi' }],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 5,
      min_p: 0.1,
      seed: 3,
      stop: ['x'],
      presence_penalty: 1,
      frequency_penalty: -1,
      repetition_penalty: 1.1,
      logit_bias: { 7: -3 },
      max_tokens: 9,
      ignore_eos: true,
      logprobs: true,
      top_logprobs: 2,
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('may serve several models, under a prefix', async () => {
    upstreams = [await startFakeUpstream({ models: ['one', 'two'] })];
    gateway = await startTestGateway({ fakes: [], workers: [`${upstreams[0]?.url}/some/where/v1/`] });
    expect((await openai().models.list()).data.map(({ id }) => id)).toEqual(['one', 'two']);
    await openai().chat.completions.create({ ...ask, model: 'two' });
    expect(runs()[0]?.body.model).toBe('two');
    expect(runs()[0]?.path).toBe('/some/where/v1/chat/completions');
  });

  it('is healthy without /health when it says what it serves', async () => {
    await start([{ health: () => undefined }]);
    expect((await streamed()).text).toBe('Hello world');
  });

  it('may read its log-probabilities in either form', async () => {
    await start([
      {
        onRun: (run) => {
          run.open();
          const chat = {
            content: [{ token: 'A', logprob: -0.5, bytes: [65], top_logprobs: [{ token: 'B', logprob: -1 }] }],
          };
          const legacy = { tokens: ['A'], token_logprobs: [-0.5], top_logprobs: [{ B: -1 }], text_offset: [0] };
          const isChat = run.path.endsWith('/chat/completions');
          const said = isChat ? { delta: { content: 'A' }, logprobs: chat } : { text: 'A', logprobs: legacy };
          run.event({ choices: [{ index: 0, ...said, finish_reason: null }] });
          run.finish('length');
        },
      },
    ]);
    const chat = await openai().chat.completions.create({ ...ask, logprobs: true, top_logprobs: 1 });
    expect(chat.choices[0]?.logprobs?.content).toEqual([
      { token: 'A', logprob: -0.5, bytes: [65], top_logprobs: [{ token: 'B', logprob: -1, bytes: [66] }] },
    ]);
    expect(chat.choices[0]?.finish_reason).toBe('length');
    const completion = await openai().completions.create({ model: 'fake/model', prompt: 'x', logprobs: 1 });
    expect(completion.choices[0]?.logprobs).toEqual({
      tokens: ['A'],
      token_logprobs: [-0.5],
      top_logprobs: [{ B: -1 }],
      text_offset: [0],
    });
  });

  it('keeps its connections for the next requests', async () => {
    await start([{}]);
    for (let i = 0; i < 5; i++) await openai().chat.completions.create(ask);
    expect(upstreams[0]?.connections).toBe(1);
  });

  it.each([
    ['while it streams', true],
    ['before its first text', false],
  ])('hears at once that a client has left %s', async (_, hasBegun) => {
    await start([
      {
        onRun: (run) => {
          run.open();
          if (hasBegun) run.say('Hello');
        },
      },
    ]);
    const abort = new AbortController();
    const reply = gateway.chat({ stream: true }, { signal: abort.signal }).catch(() => undefined);
    await upstreams[0]?.until(({ runs }) => runs.length === 1);
    if (hasBegun) await reply;
    abort.abort();
    await upstreams[0]?.until(({ left }) => left.length === 1);
    await reply;
  });
});

describe('a stream', () => {
  const line = (text: string): string =>
    JSON.stringify({ choices: [{ delta: { content: text }, finish_reason: null }] });
  const end = `data: ${JSON.stringify({ choices: [{ delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`;
  const euro = Buffer.from(`data: ${line('a€b')}\n\n`);
  const cutAt = euro.indexOf('€') + 1;

  it.each<[string, (string | Uint8Array)[], string]>([
    ['with CRLF, CR and comments', [`: hi\r\ndata: ${line('a')}\r\n\r\n: ping\r\rdata:${line('b')}\r\r`, end], 'ab'],
    ['with data in two lines', [`data: {"choices":[{"delta":\ndata: {"content":"a"}}]}\n\n`, end], 'a'],
    ['cut inside a character', [euro.subarray(0, cutAt), euro.subarray(cutAt), end], 'a€b'],
    ['byte by byte', [...Buffer.from(`data: ${line('a€')}\r\n\r\n${end}`)].map((byte) => Uint8Array.of(byte)), 'a€'],
    ['with names, ids and a byte order mark', [`\ufeffevent: x\nid: 1\nretry: 5\ndata: ${line('a')}\n\n`, end], 'a'],
    ['that ends without [DONE] behind its finish reason', [`data: ${line('a')}\n\n`, end.slice(0, -14)], 'a'],
    ['with null fields', [`data: {"error":null,"usage":null,"choices":[{"delta":{"content":null}}]}\n\n`, end], ''],
  ])('is read %s', async (_, parts, text) => {
    await start([
      {
        onRun: async (run) => {
          run.response.writeHead(200, { 'content-type': 'text/event-stream' });
          for (const part of parts) await new Promise((resolve) => run.response.write(part, resolve));
          run.response.end();
        },
      },
    ]);
    expect(await streamed()).toEqual({ text, error: undefined, finish: 'stop' });
  });
});

/** As `trouble`, behind the head of a stream. */
const opened = (trouble: (run: UpstreamRun) => void) => (run: UpstreamRun) => {
  run.open();
  trouble(run);
};

const troubles: [string, (run: UpstreamRun) => void][] = [
  ['resets the connection at once', (run) => run.reset()],
  ['closes it without a word', (run) => run.response.destroy()],
  ['resets it behind the head', opened((run) => setImmediate(() => run.reset()))],
  ['ends an empty stream', opened((run) => run.response.end())],
  ['says [DONE] and nothing else', opened((run) => run.response.end('data: [DONE]\n\n'))],
  ['answers 500', (run) => run.reply(500, { error: { message: 'secret path' } })],
  ['answers 502 with HTML', (run) => run.reply(502, '<html>', { 'content-type': 'text/html' })],
  ['answers 429', (run) => run.reply(429, { error: { message: 'slow down' } })],
  ['answers 503', (run) => run.reply(503, {})],
  ['answers 401', (run) => run.reply(401, { error: { message: 'key sk-123 is wrong' } })],
  ['answers 404', (run) => run.reply(404, {})],
  ['redirects', (run) => run.reply(302, '', { location: 'http://127.0.0.1:1/' })],
  ['answers JSON in place of a stream', (run) => run.reply(200, { choices: [{ message: { content: 'no' } }] })],
  [
    'compresses',
    (run) => run.response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }).end('x'),
  ],
  [
    'sends huge headers',
    (run) => run.response.writeHead(200, { 'content-type': 'text/event-stream', x: 'x'.repeat(200_000) }).end(),
  ],
  ['sends broken JSON', opened((run) => run.raw('data: {"choices":[{\n\n'))],
  ['sends JSON that is no chunk', opened((run) => run.raw('data: [1]\n\n'))],
  ['sends invalid UTF-8', opened((run) => run.raw(Uint8Array.of(100, 97, 0xff, 0xfe, 10, 10)))],
  ['sends a line without end', opened((run) => run.raw(`data: ${'x'.repeat(2 ** 20 + 10)}`))],
  ['sends no HTTP', (run) => void run.response.socket?.end('hello there\r\n\r\n')],
  ['sends an error event', opened((run) => run.event({ error: { message: 'CUDA', code: 500 } }))],
  ['gives up', opened((run) => run.finish('abort'))],
];

describe('before the first text, a server that', () => {
  it.each(troubles)('%s costs nobody anything where there is another', async (_, trouble) => {
    await start(troubleFirst(trouble));
    expect(await streamed()).toEqual({ text: 'Hello world', error: undefined, finish: 'stop' });
    expect(runs()).toHaveLength(2);
  });

  it.each<[string, (run: UpstreamRun) => void, number, string]>([
    ['answers 429', (run) => run.reply(429, {}, { 'retry-after': '7' }), 429, 'queue_full'],
    ['answers 503', (run) => run.reply(503, {}, { 'retry-after': '7' }), 429, 'queue_full'],
    ['answers 500', (run) => run.reply(500, { error: { message: 'secret' } }), 500, 'engine_failed'],
    ['answers 401', (run) => run.reply(401, { error: { message: 'secret' } }), 500, 'model_unusable'],
    ['is full in an event', opened((run) => run.event({ error: { code: 429 } })), 429, 'queue_full'],
  ])('%s is what the client hears where there is no other', async (_, trouble, status, code) => {
    await start([{ onRun: trouble }]);
    const { error, text } = await streamed();
    expect(error).toMatchObject({ status, code });
    expect(text).toBe('');
    expect(String(error)).not.toContain('secret');
    if (code === 'queue_full' && runs()[0]?.response.statusCode !== 200) {
      expect((error as { headers: Headers }).headers.get('retry-after')).toBe('7');
    }
  });

  it('resets twice is not tried a third time', async () => {
    await start([{ onRun: (run) => run.reset() }, { onRun: (run) => run.reset() }, { onRun: (run) => run.reset() }]);
    expect((await streamed()).error).toMatchObject({ status: 502, code: 'worker_lost' });
    expect(runs()).toHaveLength(2);
  });

  it('resets once is tried again where it is the only one', async () => {
    await start(troubleFirst((run) => run.reset(), 1));
    expect((await streamed()).text).toBe('Hello world');
  });

  it.each([
    [400, { error: { message: 'tools are not here', param: 'tools', code: 'nope' } }, 'tools are not here', 'tools'],
    [422, { detail: 'no such thing' }, 'no such thing', null],
    [400, { object: 'error', message: 'older words' }, 'older words', null],
    [413, {}, 'the upstream refused the request with status 413', null],
  ])('answers %i is told to the client, in our shape', async (status, body, message, param) => {
    await start([{ onRun: (run) => run.reply(status, body) }, { onRun: (run) => run.reply(status, body) }]);
    const reply = await gateway.chat();
    expect(reply.status).toBe(status === 413 ? 413 : 400);
    expect(await reply.json()).toMatchObject({ error: { message, param, type: 'invalid_request_error' } });
    expect(runs()).toHaveLength(1);
  });

  it('sends early hints first is understood', async () => {
    await start([
      {
        onRun: (run) => {
          run.response.writeEarlyHints({ link: '</a>; rel=preload' }, () => sayHello(run));
        },
      },
    ]);
    expect((await streamed()).text).toBe('Hello world');
  });

  it('is never heard of again is given up', async () => {
    await start(
      troubleFirst(() => {}),
      { upstreamFirstTextMs: 300 },
    );
    expect((await streamed()).text).toBe('Hello world');
  });

  it('only sends comments is given up', async () => {
    let stop = (): void => {};
    await start(
      troubleFirst((run) => {
        run.open();
        const timer = setInterval(() => run.raw(': ping\n\n'), 50);
        stop = () => clearInterval(timer);
      }),
      { upstreamFirstTextMs: 300 },
    );
    expect((await streamed()).text).toBe('Hello world');
    stop();
  });
});

describe('behind the first text, a server that', () => {
  const midway: [string, (run: UpstreamRun) => void, string][] = [
    ['resets', (run) => run.reset(), 'worker_lost'],
    ['ends in order, but without a finish reason', (run) => run.response.end(), 'worker_lost'],
    ['says [DONE] without a finish reason', (run) => void run.raw('data: [DONE]\n\n'), 'worker_lost'],
    ['stalls', () => {}, 'worker_lost'],
    ['sends broken JSON', (run) => run.raw('data: {oops\n\n'), 'engine_failed'],
    ['sends an error event', (run) => run.event({ error: { message: 'CUDA' } }), 'engine_failed'],
  ];

  it.each(midway)('%s ends with an error, never in silence and never twice', async (_, trouble, code) => {
    let sent: UpstreamRun | undefined;
    await start(
      troubleFirst((run) => {
        sent = run;
        run.open();
        run.say('Hel');
      }),
      { upstreamGapMs: 300 },
    );
    const stream = await openai().chat.completions.create({ ...ask, stream: true });
    let text = '';
    const reading = (async () => {
      for await (const { choices } of stream) {
        text += choices[0]?.delta.content ?? '';
        if (text === 'Hel' && sent !== undefined) {
          trouble(sent);
          sent = undefined;
        }
      }
    })();
    await expect(reading).rejects.toMatchObject({ code });
    expect(text).toBe('Hel');
    expect(runs()).toHaveLength(1);
  });
});

describe('health', () => {
  const attached = async (): Promise<number> => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    return Number(/^sluice_gateway_workers_attached (\d+)/m.exec(text)?.[1]);
  };
  async function waitAttached(count: number): Promise<void> {
    while ((await attached()) !== count);
  }

  it('takes an upstream out that says it is not well, and back in', async () => {
    let status = 200;
    await start([{ health: () => status }]);
    status = 503;
    await waitAttached(0);
    expect((await streamed()).error).toMatchObject({ status: 503, code: 'no_worker' });
    status = 200;
    await waitAttached(1);
    expect((await streamed()).text).toBe('Hello world');
  });

  it('moves what waits at an upstream that hangs, and lets begun streams go on', async () => {
    let isHung = false;
    const hung: UpstreamRun[] = [];
    const health = (): number | 'silence' => (isHung ? 'silence' : 200);
    const onRun = (run: UpstreamRun): void => {
      hung.push(run);
      run.open();
      if (hung.length === 1) run.say('Hello');
    };
    await start([{ health, onRun }], { workerSilenceMs: 300 });
    const begun = await openai().chat.completions.create({ ...ask, stream: true });
    const waiting = streamed();
    await upstreams[0]?.until(({ runs }) => runs.length === 2);
    const other = await startFakeUpstream();
    upstreams.push(other);
    await gateway.post('/admin/workers', { address: other.url });
    await waitAttached(2);
    isHung = true;
    expect((await waiting).text).toBe('Hello world');
    expect(other.runs).toHaveLength(1);
    hung[0]?.say(' again');
    hung[0]?.finish();
    let text = '';
    for await (const { choices } of begun) text += choices[0]?.delta.content ?? '';
    expect(text).toBe('Hello again');
  });

  it('follows an upstream that is stopped and started again', async () => {
    await start([{}]);
    const { port } = upstreams[0]!;
    await upstreams[0]?.close();
    await waitAttached(0);
    upstreams[0] = await startFakeUpstream({ port });
    await waitAttached(1);
    expect((await streamed()).text).toBe('Hello world');
  });

  it('keeps requests from one that fails them', async () => {
    await start([{ onRun: (run) => run.reply(500, {}) }], { circuit: { failuresMax: 3 } });
    for (let i = 0; i < 3; i++) expect((await streamed()).error).toMatchObject({ status: 500 });
    expect((await streamed()).error).toMatchObject({ status: 503 });
    expect(runs()).toHaveLength(3);
  });
});

describe('beside workers of ours', () => {
  it('an upstream gets new requests, and no stream that has begun elsewhere', async () => {
    upstreams = [await startFakeUpstream()];
    gateway = await startTestGateway({
      fakes: [
        {
          framesUnacknowledgedMax: 4,
          onSubmit: (run) => {
            run.send({ accepted: { promptTokens: 7 } });
            const isResumed = run.request.generatedTokenIds.length > 0;
            const frame = isResumed ? 0 : run.send({ tokenIds: [1], text: 'One' });
            const { worker } = gateway;
            if (worker.attachCount === 1)
              void worker.until(({ acknowledged }) => acknowledged.includes(frame)).then(worker.cut);
            else run.send({ tokenIds: [2], text: ' two', finished: finished('FINISH_REASON_STOP', 2) });
          },
        },
      ],
      routing: 'round-robin',
    });
    await gateway.post('/admin/workers', { address: upstreams[0]?.url });
    const texts: string[] = [];
    while (runs().length < 2 || gateway.worker.requests.length < 2) texts.push((await streamed()).text);
    expect(new Set(texts)).toEqual(new Set(['One two', 'Hello world']));
    expect(gateway.worker.requests.some(({ generatedTokenIds }) => generatedTokenIds.length > 0)).toBe(true);
  });
});

describe('load', () => {
  it('comes from metrics, where there are any', async () => {
    const metrics = () => 'vllm:num_requests_running{model_name="m"} 3\nvllm:num_requests_waiting{model_name="m"} 2\n';
    await start([{ metrics }, {}]);
    await upstreams[0]?.until(({ asked }) => asked.filter((one) => one === 'GET /metrics').length >= 2);
    const { workers } = (await (await fetch(`${gateway.url}/admin/workers`)).json()) as {
      workers: { load: { running: number; waiting: number } }[];
    };
    expect(workers.map(({ load }) => [load.running, load.waiting])).toEqual([
      [3, 2],
      [0, 0],
    ]);
  });

  it('is what was sent where there are none', async () => {
    await start(
      troubleFirst((run) => run.open()),
      { routing: 'least-requests' },
    );
    const abort = new AbortController();
    const stuck = gateway.chat({ stream: true }, { signal: abort.signal }).catch(() => undefined);
    await Promise.race(upstreams.map((upstream) => upstream.until((each) => each.runs.length > 0)));
    for (let i = 0; i < 4; i++) await streamed();
    expect(upstreams.map((upstream) => upstream.runs.length).sort()).toEqual([1, 4]);
    abort.abort();
    await stuck;
  });
});
