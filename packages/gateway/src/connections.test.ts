import net from 'node:net';
import type { Logger } from '@sluice/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeRun, finished, helloScript } from './test-support/fake-worker.js';
import {
  readEvents,
  startTestGateway,
  type TestGateway,
  type TestGatewayOptions,
  waitReady,
} from './test-support/start-test-gateway.js';

let gateway: TestGateway;
const start = async (options: TestGatewayOptions = {}): Promise<TestGateway> => {
  gateway = await startTestGateway(options);
  return gateway;
};
afterEach(async () => gateway.stop());

/** Accepts and says one word, then nothing. */
const firstWord = (run: FakeRun): void => {
  run.send({ accepted: { promptTokens: 7 } });
  run.send({ tokenIds: [1], text: 'Hello' });
};
const acceptOnly = (run: FakeRun): void => {
  run.send({ accepted: { promptTokens: 7 } });
};

describe('a client that leaves', () => {
  it.each([
    { when: 'before the first token', stream: true, onSubmit: acceptOnly },
    { when: 'before the worker answered', stream: true, onSubmit: () => {} },
    { when: 'while a reply in one piece is made', stream: false, onSubmit: firstWord },
  ])('$when is cancelled at the worker', async ({ stream, onSubmit }) => {
    await start({ fakes: [{ onSubmit }] });
    const leaving = new AbortController();
    const headers = { 'content-type': 'application/json', 'x-request-id': 'leaver' };
    const response = gateway.chat({ stream }, { signal: leaving.signal, headers });
    await gateway.worker.until(({ requests }) => requests.length === 1);
    leaving.abort();
    await expect(response).rejects.toThrow();
    await gateway.worker.until(({ cancelled }) => cancelled.includes('leaver'));
    expect(await metric('sluice_gateway_requests_in_flight')).toBe(0);
  });

  it('in the middle of a stream is cancelled at the worker', async () => {
    await start({ fakes: [{ onSubmit: firstWord }] });
    const headers = { 'content-type': 'application/json', 'x-request-id': 'leaver' };
    const response = await gateway.chat({ stream: true }, { headers });
    const reader = response.body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toContain('Hello');
    await reader.cancel();
    await gateway.worker.until(({ cancelled }) => cancelled.includes('leaver'));
    const cancelled = 'route="/v1/chat/completions",status="200",finish_reason="cancelled"';
    expect(await metric(`sluice_gateway_requests_total{${cancelled}}`)).toBe(1);
  });
});

describe('a worker that is lost', () => {
  it('is a 502 before the first byte', async () => {
    await start({ resumeWaitMs: 0, fakes: [{ onSubmit: acceptOnly }] });
    const responses = [gateway.chat(), gateway.chat({ stream: true })];
    await gateway.worker.until(({ requests }) => requests.length === 2);
    gateway.worker.cut();
    for (const response of await Promise.all(responses)) {
      expect(response.status).toBe(502);
      expect(await response.json()).toMatchObject({ error: { code: 'worker_lost', type: 'server_error' } });
    }
  });

  it('is an error event after it, and the stream ends without [DONE]', async () => {
    await start({ resumeWaitMs: 0, fakes: [{ onSubmit: firstWord }] });
    const response = await gateway.chat({ stream: true });
    expect(response.status).toBe(200);
    gateway.worker.cut();
    const events = await readEvents(response);
    expect(events.at(-1)).toMatchObject({ error: { code: 'worker_lost' } });
    expect(events).not.toContain('[DONE]');
  });

  it('gets requests again when it is back', async () => {
    await start();
    gateway.worker.close();
    while ((await fetch(`${gateway.url}/ready`)).status === 200);
    const refused = await gateway.chat();
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ error: { code: 'no_worker' } });
    const again = await startTestGateway({ fakes: [{ port: gateway.worker.port }] });
    await waitReady(gateway.url);
    expect((await gateway.chat()).status).toBe(200);
    await again.stop();
  });

  it('leaves the others at work', async () => {
    await start({ fakes: [{ onSubmit: helloScript }, { onSubmit: helloScript }] });
    gateway.workers[1]?.close();
    for (let i = 0; i < 10; i++) {
      const { status } = await gateway.chat();
      expect([200, 502]).toContain(status);
    }
    expect((await gateway.chat()).status).toBe(200);
  });
});

describe('an error of the worker', () => {
  it('keeps its code and message, with the field in the words of the caller', async () => {
    const failed = {
      code: 'context_length_exceeded',
      message: 'the prompt of 300 tokens is too long',
      field: 'messages_json',
    };
    await start({ fakes: [{ onSubmit: (run) => run.send({ failed }) }] });
    const response = await gateway.chat({ stream: true });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: {
        message: failed.message,
        type: 'invalid_request_error',
        param: 'messages',
        code: 'context_length_exceeded',
      },
    });
  });

  it('after the first token is an error event', async () => {
    const onSubmit = (run: FakeRun): void => {
      firstWord(run);
      run.send({ failed: { code: 'engine_failed', message: 'the forward pass failed', field: '' } });
    };
    await start({ fakes: [{ onSubmit }] });
    const events = await readEvents(await gateway.chat({ stream: true }));
    expect(events.at(-1)).toMatchObject({ error: { code: 'engine_failed', param: null } });
  });
});

describe('a client that does not read', () => {
  it('is cut when too much waits for it, and its request cancelled', async () => {
    const flood = (run: FakeRun): void => {
      run.send({ accepted: { promptTokens: 7 } });
      const text = 'x'.repeat(100_000);
      const timer = setInterval(() => {
        if (gateway.worker.cancelled.length > 0) clearInterval(timer);
        else for (let i = 0; i < 10; i++) run.send({ tokenIds: [1], text });
      }, 1);
    };
    await start({ fakes: [{ onSubmit: flood }], replyBufferBytesMax: 200_000 });
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], stream: true });
    const socket = net.connect(gateway.port, '127.0.0.1');
    socket.pause();
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-request-id: sleeper\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await gateway.worker.until(({ cancelled }) => cancelled.includes('sleeper'));
    expect(await metric('sluice_gateway_requests_in_flight')).toBe(0);
    socket.destroy();
  });
});

describe('a body that is too large', () => {
  const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
  const refusal = async (
    request: string,
    chunk: string,
    chunks: number,
  ): Promise<{ reply: string; sentBytes: number }> => {
    const socket = net.connect(gateway.port, '127.0.0.1');
    let reply = '';
    socket.on('data', (data) => {
      reply += data.toString();
    });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.write(request);
    let sent = 0;
    const pour = (): void => {
      while (sent < chunks && !socket.destroyed) {
        sent += 1;
        if (!socket.write(chunk)) return void socket.once('drain', pour);
      }
    };
    pour();
    await closed;
    return { reply, sentBytes: socket.bytesWritten - socket.writableLength };
  };

  it('announced is refused without being read', async () => {
    await start();
    const { reply, sentBytes } = await refusal(`${head}content-length: 50000000\r\n\r\n`, 'x'.repeat(1_000_000), 50);
    expect(reply).toMatch(/^HTTP\/1.1 413 /);
    expect(reply).toContain('"message":"the body of 50000000 bytes must be at most 8388608 bytes"');
    expect(sentBytes).toBeLessThan(25_000_000);
    expect((await gateway.chat()).status).toBe(200);
  });

  it('unannounced is refused at the limit', async () => {
    await start();
    const chunk = `f4240\r\n${'x'.repeat(1_000_000)}\r\n`;
    const { reply, sentBytes } = await refusal(`${head}transfer-encoding: chunked\r\n\r\n`, chunk, 50);
    expect(reply).toMatch(/^HTTP\/1.1 413 /);
    expect(reply).toContain('body_too_large');
    expect(sentBytes).toBeLessThan(30_000_000);
    expect(await metric('sluice_gateway_body_bytes')).toBe(0);
  });

  it('is refused before it is sent to a client that asks first', async () => {
    await start();
    const { reply } = await refusal(`${head}expect: 100-continue\r\ncontent-length: 50000000\r\n\r\n`, '', 0);
    expect(reply).toMatch(/^HTTP\/1.1 413 /);
  });

  it('of 50 MB is a 413 for an ordinary client', async () => {
    await start();
    const response = await gateway.post('/v1/chat/completions', 'x'.repeat(50_000_000));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { code: 'body_too_large' } });
  });

  it('of few bytes for what is in it is refused with that bound, and a long text is not', async () => {
    await start();
    const objects = `{"messages":[${'{},'.repeat(200_000)}{}]}`;
    const refused = await gateway.post('/v1/chat/completions', objects);
    expect(refused.status).toBe(413);
    const message = 'the body must have at most 131072 objects, arrays and names of fields together';
    expect(await refused.json()).toMatchObject({ error: { code: 'body_too_large', message } });
    const content = '{"[:'.repeat(200_000);
    expect((await gateway.chat({ messages: [{ role: 'user', content }] })).status).toBe(200);
  });
});

describe('too many requests', () => {
  it('get 429 with Retry-After, and a place when one is free', async () => {
    const runs: FakeRun[] = [];
    await start({ requestsMax: 2, fakes: [{ onSubmit: (run) => void runs.push(run) }] });
    const held = [gateway.chat(), gateway.chat()];
    await gateway.worker.until(({ requests }) => requests.length === 2);
    const refused = await gateway.chat();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({
      error: { message: '2 requests are in flight, at most 2 may be', type: 'rate_limit_error', code: 'queue_full' },
    });
    for (const run of runs) helloScript(run);
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    const last = gateway.chat();
    await gateway.worker.until(({ requests }) => requests.length === 3);
    helloScript(runs[2]!);
    expect((await last).status).toBe(200);
  });

  it('whose bodies are too large together get 429', async () => {
    await start({ resumeWaitMs: 0, bodiesBytesMax: 1000, fakes: [{ onSubmit: acceptOnly }] });
    const content = 'x'.repeat(600);
    const held = gateway.chat({ messages: [{ role: 'user', content }] });
    await gateway.worker.until(({ requests }) => requests.length === 1);
    expect((await gateway.chat({ messages: [{ role: 'user', content }] })).status).toBe(429);
    gateway.worker.cut();
    expect((await held).status).toBe(502);
  });
});

describe('closing', () => {
  it('lets a stream end, refuses what is new, and then is gone', async () => {
    const runs: FakeRun[] = [];
    const onSubmit = (run: FakeRun): void => {
      runs.push(run);
      firstWord(run);
    };
    await start({ fakes: [{ onSubmit }] });
    const response = await gateway.chat({ stream: true });
    const closed = gateway.close(60_000);
    await expect(gateway.chat()).rejects.toThrow();
    runs[0]!.send({ tokenIds: [2], text: ' world', finished: finished('FINISH_REASON_STOP', 2) });
    expect(await readEvents(response)).toContain('[DONE]');
    await closed;
  });

  it('ends what does not end in time with an error event', async () => {
    await start({ fakes: [{ onSubmit: firstWord }] });
    const response = await gateway.chat({ stream: true });
    const closed = gateway.close(0);
    expect((await readEvents(response)).at(-1)).toMatchObject({ error: { code: 'draining' } });
    await closed;
  });

  it('refuses new requests on connections that are still open', async () => {
    await start({ fakes: [{ onSubmit: firstWord }] });
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }] });
    const late = net.connect(gateway.port, '127.0.0.1');
    // A request that has begun keeps its connection open while the gateway closes.
    late.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    const response = await gateway.chat({ stream: true });
    const closed = gateway.close(200);
    late.write(body);
    const reply = await new Promise<string>((resolve) => late.once('data', (data) => resolve(data.toString())));
    expect(reply).toMatch(/^HTTP\/1.1 503 /);
    expect(reply).toContain('"code":"draining"');
    await response.text();
    await closed;
  });
});

describe('the edges', () => {
  it('say whether the gateway is up and ready', async () => {
    await start();
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
    gateway.worker.setLoad({ state: 'WORKER_STATE_DRAINING' });
    gateway.worker.beat();
    let ready: Response;
    do ready = await fetch(`${gateway.url}/ready`);
    while (ready.status === 200);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ error: { code: 'no_worker' } });
  });

  it('echo a plain request id and replace any other', async () => {
    await start();
    const withId = async (id: string): Promise<string | null> =>
      (await fetch(`${gateway.url}/health`, { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await withId('abc-123')).toBe('abc-123');
    expect(await withId('a b"c')).toMatch(/^req-[a-z0-9]{28}$/);
    expect(await withId('x'.repeat(129))).toMatch(/^req-/);
  });

  it('answer bytes that are no HTTP with an error in the usual shape', async () => {
    await start();
    const socket = net.connect(gateway.port, '127.0.0.1');
    socket.write('NONSENSE\r\n\r\n');
    const reply = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    expect(reply).toMatch(/^HTTP\/1.1 400 /);
    expect(reply).toContain('"code":"invalid_request"');
    const large = await fetch(`${gateway.url}/health`, { headers: { 'x-large': 'x'.repeat(20_000) } });
    expect(large.status).toBe(431);
    expect(await large.json()).toMatchObject({ error: { code: 'request_header_too_large' } });
  });

  it('count requests, tokens and times', async () => {
    await start();
    await gateway.chat();
    await (await gateway.chat({ stream: true })).text();
    await gateway.chat({ max_tokens: -1 });
    const route = 'route="/v1/chat/completions"';
    expect(await metric(`sluice_gateway_requests_total{${route},status="200",finish_reason="stop"}`)).toBe(2);
    expect(await metric(`sluice_gateway_requests_total{${route},status="400",finish_reason="invalid_request"}`)).toBe(
      1,
    );
    expect(await metric('sluice_gateway_prompt_tokens_total')).toBe(14);
    expect(await metric('sluice_gateway_prompt_cached_tokens_total')).toBe(6);
    expect(await metric('sluice_gateway_generated_tokens_total')).toBe(4);
    expect(await metric('sluice_gateway_first_token_seconds_count')).toBe(2);
    expect(await metric('sluice_gateway_token_gap_seconds_count')).toBe(2);
    expect(await metric(`sluice_worker_slots_max{worker="${gateway.worker.address}"}`)).toBe(16);
    expect(await metric('sluice_gateway_workers_attached')).toBe(1);
  });

  it('log one line per request, with what it cost and none of its text', async () => {
    const lines: unknown[] = [];
    const keep = (fields: unknown): void => void lines.push(fields);
    const log = { info: keep, debug: () => {}, warn: keep, error: keep } as unknown as Logger;
    await start({ log });
    lines.length = 0;
    const headers = { 'content-type': 'application/json', 'x-request-id': 'logged' };
    const secret = [{ role: 'user', content: 'a secret' }];
    await (await gateway.chat({ stream: true, messages: secret }, { headers })).text();
    await gateway.chat({ messages: secret, temperature: 9 }, { headers });
    expect(lines).toEqual([
      {
        requestId: 'logged',
        method: 'POST',
        route: '/v1/chat/completions',
        status: 200,
        finish: 'stop',
        promptTokens: 7,
        cachedTokens: 3,
        generatedTokens: 2,
        ttftMs: expect.any(Number),
        durationMs: expect.any(Number),
      },
      expect.objectContaining({ status: 400, finish: 'invalid_request', generatedTokens: 0 }),
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('acknowledge frames before a worker has to wait', async () => {
    await start({ fakes: [{ framesUnacknowledgedMax: 8 }] });
    for (let i = 0; i < 4; i++) await gateway.chat();
    await gateway.worker.until(({ acknowledged }) => acknowledged.length >= 4);
    for (const [i, frame] of gateway.worker.acknowledged.entries()) {
      expect(frame - (gateway.worker.acknowledged[i - 1] ?? 0)).toBeLessThanOrEqual(2);
    }
  });
});

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}
