import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { sayHello, type UpstreamRun } from './test-support/fake-upstream.js';
import { ask, troubleFirst } from './test-support/start-upstream-gateway.js';
import { gateway, start } from './test-support/upstream-gateway.js';

// What OpenAI-compatible servers may do wrong, and what of it the official client sees in front of the gateway.

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
    expect(await gateway.streamed()).toEqual({ text: 'Hello world', error: undefined, finish: 'stop' });
    expect(gateway.runs).toHaveLength(2);
  });

  it.each<[string, (run: UpstreamRun) => void, number, string]>([
    ['answers 429', (run) => run.reply(429, {}, { 'retry-after': '7' }), 429, 'queue_full'],
    ['answers 503', (run) => run.reply(503, {}, { 'retry-after': '7' }), 429, 'queue_full'],
    ['answers 500', (run) => run.reply(500, { error: { message: 'secret' } }), 500, 'engine_failed'],
    ['answers 401', (run) => run.reply(401, { error: { message: 'secret' } }), 500, 'model_unusable'],
    ['is full in an event', opened((run) => run.event({ error: { code: 429 } })), 429, 'queue_full'],
  ])('%s is what the client hears where there is no other', async (_, trouble, status, code) => {
    await start([{ onRun: trouble }]);
    const { error, text } = await gateway.streamed();
    expect(error).toMatchObject({ status, code });
    expect(text).toBe('');
    expect(String(error)).not.toContain('secret');
    if (code === 'queue_full' && gateway.runs[0]?.response.statusCode !== 200) {
      expect((error as { headers: Headers }).headers.get('retry-after')).toBe('7');
    }
  });

  it('is full is asked once, and so is each other that is', async () => {
    const full = { onRun: (run: UpstreamRun) => run.reply(429, {}) };
    await start([full, full]);
    expect((await gateway.streamed()).error).toMatchObject({ status: 429, code: 'queue_full' });
    expect(gateway.upstreams.map(({ runs }) => runs.length)).toEqual([1, 1]);
  });

  it('resets twice is not tried a third time', async () => {
    await start([{ onRun: (run) => run.reset() }, { onRun: (run) => run.reset() }, { onRun: (run) => run.reset() }]);
    expect((await gateway.streamed()).error).toMatchObject({ status: 502, code: 'worker_lost' });
    expect(gateway.runs).toHaveLength(2);
  });

  it('resets once is tried again where it is the only one', async () => {
    await start(troubleFirst((run) => run.reset(), 1));
    expect((await gateway.streamed()).text).toBe('Hello world');
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
    expect(gateway.runs).toHaveLength(1);
  });

  it('sends early hints first is understood', async () => {
    await start([
      {
        onRun: (run) => {
          run.response.writeEarlyHints({ link: '</a>; rel=preload' }, () => sayHello(run));
        },
      },
    ]);
    expect((await gateway.streamed()).text).toBe('Hello world');
  });

  it('is never heard of again is given up', async () => {
    await start(
      troubleFirst(() => {}),
      { upstreamFirstTextMs: 300 },
    );
    expect((await gateway.streamed()).text).toBe('Hello world');
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
    expect((await gateway.streamed()).text).toBe('Hello world');
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

  it.each([1, 2, 3, 5, 8])('is cut behind %i chunks ends there, with an error', async (chunks) => {
    await start(
      troubleFirst((run) => {
        run.open();
        for (let i = 0; i < chunks; i++) run.say(`${i} `);
        setImmediate(() => run.reset());
      }, 1),
    );
    const { text, error } = await gateway.streamed();
    // What the reset overtook has not come, and then the answer begins anew.
    if (error === undefined) expect(text).toBe('Hello world');
    else expect(Array.from({ length: chunks }, (_, i) => `${i} `).join('')).toContain(text);
    expect(text).not.toBe('');
  });

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
    const stream = await gateway.client.chat.completions.create({ ...ask, stream: true });
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
    expect(gateway.runs).toHaveLength(1);
  });
});

describe('an answer in one piece, of which nobody has seen any', () => {
  it.each<[string, (run: UpstreamRun) => void]>([
    ['resets', (run) => run.reset()],
    ['ends without a finish reason', (run) => run.response.end()],
    ['sends broken JSON', (run) => run.raw('data: {oops\n\n')],
  ])('begins anew elsewhere when its server %s in the middle', async (_, trouble) => {
    await start(
      troubleFirst((run) => {
        run.open();
        run.say('Hel');
        setImmediate(() => trouble(run));
      }),
    );
    const { choices, usage } = await gateway.client.chat.completions.create(ask);
    expect(choices.map(({ message }) => message.content)).toEqual(['Hello world']);
    expect(usage?.completion_tokens).toBe(2);
    expect(gateway.runs).toHaveLength(2);
  });

  it('is a 502 when a second server dies over it, and no third one gets it', async () => {
    const cut = {
      onRun: (run: UpstreamRun): void => {
        run.open();
        run.say('Hel');
        setImmediate(() => run.reset());
      },
    };
    await start([cut, cut, cut]);
    expect((await gateway.chat()).status).toBe(502);
    expect(gateway.runs).toHaveLength(2);
  });
});

describe('between a slow client and a server', () => {
  it('nothing is held without end, and the server is told', async () => {
    const text = 'x'.repeat(10_000);
    await start(
      [
        {
          onRun: (run) => {
            run.open();
            for (let i = 0; i < 2_000; i++) run.say(text);
          },
        },
      ],
      { replyBufferBytesMax: 65_536 },
    );
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    socket.pause();
    const body = JSON.stringify({ ...ask, stream: true });
    const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
    socket.write(`${head}content-length: ${body.length}\r\n\r\n${body}`);
    await gateway.upstreams[0]?.until(({ left }) => left.length === 1);
    socket.destroy();
  });
});
