import type { GenerateRequest } from '@sluice/proto';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeRun, type FakeWorkerOptions, finished } from './test-support/fake-worker.js';
import {
  readEvents,
  startTestGateway,
  type TestGateway,
  type TestGatewayOptions,
} from './test-support/start-test-gateway.js';

// What workers do to a gateway, at the border between them. Every fake knows the same answer and gives the part of it
// that is asked for, as real ones do.

const answer = ['One', ' two', ' three', ' four', ' five', ' six'];

let gateway: TestGateway;
/** In the order in which workers got them. */
let runs: FakeRun[] = [];
afterEach(async () => {
  await gateway.stop();
  runs = [];
});

/** A worker that gives the rest of the answer, unless `trouble` comes once the gateway has read `tokens` more tokens. */
function speaker(tokens = answer.length, trouble: (run: FakeRun) => void = () => {}): FakeWorkerOptions {
  return {
    // So that every frame is acknowledged.
    framesUnacknowledgedMax: 4,
    onSubmit: (run) => {
      runs.push(run);
      let frame = run.send({ accepted: { promptTokens: 7 } });
      const from = run.request.generatedTokenIds.length;
      const to = Math.min(answer.length, from + tokens);
      for (let index = from; index < to; index++) frame = run.send({ tokenIds: [index], text: answer[index] ?? '' });
      if (to === answer.length) run.send({ finished: finished('FINISH_REASON_STOP', answer.length) });
      else
        void worker(run)
          .until(({ acknowledged }) => acknowledged.includes(frame))
          .then(() => trouble(run));
    },
  };
}

/** The first worker that is asked has the trouble, whichever it is; the others speak. */
function troubleFirst(tokens: number, trouble: (run: FakeRun) => void, count = 2): FakeWorkerOptions[] {
  const hit = speaker(tokens, trouble).onSubmit;
  const well = speaker().onSubmit;
  return Array.from({ length: count }, () => ({
    framesUnacknowledgedMax: 4,
    onSubmit: (run) => (runs.length === 0 ? hit : well)?.(run),
  }));
}

async function start(options: TestGatewayOptions): Promise<void> {
  gateway = await startTestGateway(options);
}

function worker(run: FakeRun | undefined) {
  const found = gateway.workers.find(({ requests }) => run !== undefined && requests.includes(run.request));
  if (found === undefined) throw new Error('no worker has this request');
  return found;
}

async function chunksOf(response: Response): Promise<{ text: string; events: unknown[] }> {
  const events = await readEvents(response);
  const text = events.map((event) => (event as Chunk).choices?.[0]?.delta?.content ?? '').join('');
  return { text, events };
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
}

async function moves(): Promise<Record<string, number>> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  const lines = text.matchAll(/^sluice_gateway_moves_total\{outcome="(\w+)",reason="(\w+)"\} (\d+)/gm);
  return Object.fromEntries([...lines].map(([, outcome, reason, count]) => [`${outcome} ${reason}`, Number(count)]));
}

const cut = (run: FakeRun): void => worker(run).cut();
const close = (run: FakeRun): void => worker(run).close();
const silence = (run: FakeRun): void => worker(run).hang();
const fail = (code: string) => (run: FakeRun) => run.send({ failed: { code, message: 'no', field: '' } });

describe('a stream whose worker', () => {
  it.each([
    ['resets the stream', cut, 'worker_lost'],
    ['ends the stream without a word', (run: FakeRun) => worker(run).end(), 'worker_lost'],
    ['dies', close, 'worker_lost'],
    ['falls silent', silence, 'worker_lost'],
    ['sends frames out of order', (run: FakeRun) => worker(run).skipFrame(), 'worker_lost'],
    ['fails the pass', fail('engine_failed'), 'engine_failed'],
    ['hands it over', fail('draining'), 'draining'],
    [
      'cancels it',
      (run: FakeRun) => run.send({ finished: { reason: 'FINISH_REASON_CANCELLED', completionTokens: 0 } }),
      'draining',
    ],
  ])('%s goes on at another one, at every token', async (_what, trouble, reason) => {
    for (let tokens = 1; tokens < answer.length; tokens++) {
      const fakes = troubleFirst(tokens, trouble).map((fake) => ({ ...fake, beatMs: 20 }));
      await start({ workerSilenceMs: 400, fakes });
      const { text, events } = await chunksOf(
        await gateway.chat({ stream: true, stream_options: { include_usage: true } }),
      );
      expect(text).toBe(answer.join(''));
      expect(events.at(-1)).toBe('[DONE]');
      expect(events.at(-2)).toMatchObject({ usage: { prompt_tokens: 7, completion_tokens: 6 } });
      expect(runs.map(({ request }) => request.generatedTokenIds)).toEqual([[], [...answer.keys()].slice(0, tokens)]);
      expect(await moves()).toEqual({ [`resumed ${reason}`]: 1 });
      if (tokens + 1 < answer.length) await gateway.stop();
      runs = [];
    }
  });

  it('is lost before the first token starts again elsewhere with the same seed and terms', async () => {
    await start({ fakes: troubleFirst(0, cut) });
    const { text } = await chunksOf(await gateway.chat({ stream: true, temperature: 1 }));
    expect(text).toBe(answer.join(''));
    const [first, second] = runs.map(({ request }) => request) as [GenerateRequest, GenerateRequest];
    expect(second).toEqual(first);
    expect(await moves()).toEqual({ 'retried worker_lost': 1 });
  });

  it('is lost before it has accepted starts elsewhere', async () => {
    const well = speaker().onSubmit;
    const onSubmit = (run: FakeRun): void => {
      if (runs.length > 0) well?.(run);
      else {
        runs.push(run);
        cut(run);
      }
    };
    await start({ fakes: [{ onSubmit }, { onSubmit }] });
    const { text } = await chunksOf(await gateway.chat({ stream: true }));
    expect(text).toBe(answer.join(''));
    expect(await moves()).toEqual({ 'retried worker_lost': 1 });
  });

  it('is lost with 64 streams goes on with all of them when it is back', async () => {
    const well = speaker().onSubmit;
    const onSubmit = (run: FakeRun): void => {
      if (runs.length >= 64) {
        well?.(run);
        return;
      }
      runs.push(run);
      run.send({ accepted: { promptTokens: 7 } });
      for (let token = 0; token < runs.length % 3; token++) run.send({ tokenIds: [token], text: answer[token] ?? '' });
      if (runs.length === 64) cut(run);
    };
    await start({ fakes: [{ onSubmit }] });
    const ask = async () => chunksOf(await gateway.chat({ stream: true }));
    const replies = await Promise.all(Array.from({ length: 64 }, ask));
    for (const { text, events } of replies) {
      expect(text).toBe(answer.join(''));
      expect(events.at(-1)).toBe('[DONE]');
    }
  });

  it('is lost twice ends with an error, and no third worker gets it', async () => {
    const deadly = Array.from({ length: 3 }, () => speaker(2, cut));
    await start({ fakes: deadly });
    const { text, events } = await chunksOf(await gateway.chat({ stream: true }));
    expect(text).toBe('One two three four');
    expect(events.at(-1)).toMatchObject({ error: { code: 'worker_lost', message: /^2 workers were lost with this/ } });
    expect(events).not.toContain('[DONE]');
    expect(runs.length).toBe(2);
    expect(await moves()).toEqual({ 'resumed worker_lost': 1, 'poisoned worker_lost': 1 });
  });

  it('is lost together with the next one goes on at a third, once', async () => {
    /** Says nothing of what it gets, and takes the others with it. */
    const mute = (run: FakeRun): void => {
      runs.push(run);
      cut(run);
    };
    const well = speaker().onSubmit;
    const onSubmit = (run: FakeRun): void => (runs.length < 2 ? mute(run) : well?.(run));
    await start({ fakes: Array.from({ length: 3 }, () => ({ onSubmit })) });
    expect((await chunksOf(await gateway.chat({ stream: true }))).text).toBe(answer.join(''));
    expect(runs.length).toBe(3);
    await gateway.stop();
    runs = [];
    await start({ fakes: Array.from({ length: 4 }, () => ({ onSubmit: mute })) });
    expect((await gateway.chat({ stream: true })).status).toBe(502);
    expect(runs.length).toBe(3);
    expect(await moves()).toEqual({ 'retried worker_lost': 2, 'poisoned worker_lost': 1 });
  });

  it('is the only one goes on there once it is back', async () => {
    await start({ fakes: troubleFirst(3, cut, 1) });
    const { text, events } = await chunksOf(await gateway.chat({ stream: true }));
    expect(text).toBe(answer.join(''));
    expect(events.at(-1)).toBe('[DONE]');
    expect(gateway.worker.attachCount).toBe(2);
  });

  it('is the only one ends with an error when it does not come back in time', async () => {
    await start({ resumeWaitMs: 200, fakes: troubleFirst(3, close, 1) });
    const { text, events } = await chunksOf(await gateway.chat({ stream: true }));
    expect(text).toBe('One two three');
    expect(events.at(-1)).toMatchObject({ error: { code: 'worker_lost' } });
    expect(await moves()).toEqual({ 'stranded worker_lost': 1 });
  });

  it('gives back what it refuses for the request alone is not tried elsewhere', async () => {
    await start({ fakes: troubleFirst(0, fail('invalid_request')) });
    expect((await gateway.chat({ stream: true })).status).toBe(400);
    expect(runs.length).toBe(1);
  });
});

describe('a request in one piece', () => {
  it.each([
    ['lost', cut],
    ['full', fail('queue_full')],
    ['draining', fail('draining')],
  ])('is whole when its first worker is %s', async (_what, trouble) => {
    await start({ fakes: troubleFirst(0, trouble) });
    const response = await gateway.chat();
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: answer.join('') } }] });
  });

  it('is a 429 when every worker is full, at once', async () => {
    await start({ fakes: [speaker(0, fail('queue_full')), speaker(0, fail('queue_full'))] });
    expect((await gateway.chat()).status).toBe(429);
    expect(runs.length).toBe(2);
    expect(await moves()).toEqual({ 'retried queue_full': 1, 'stranded queue_full': 1 });
  });

  it('is a 502 when its two workers die', async () => {
    await start({ fakes: [speaker(1, cut), speaker(1, cut)] });
    expect((await gateway.chat()).status).toBe(502);
  });
});

describe('a client that leaves', () => {
  it('while its request waits for a worker is forgotten', async () => {
    await start({ fakes: troubleFirst(1, close, 1) });
    const leaving = new AbortController();
    const response = await gateway.chat({ stream: true }, { signal: leaving.signal });
    leaving.abort();
    await expect(response.text()).rejects.toThrow();
    for (;;) {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      if (/^sluice_gateway_requests_in_flight 0/m.test(text)) break;
    }
    expect(await moves()).toEqual({});
  });

  it('after a move is cancelled at the worker that has its request', async () => {
    await start({
      fakes: [speaker(2, (run) => runs.length === 1 && cut(run)), speaker(2, (run) => runs.length === 1 && cut(run))],
    });
    const leaving = new AbortController();
    const headers = { 'content-type': 'application/json', 'x-request-id': 'leaver' };
    const response = await gateway.chat({ stream: true }, { signal: leaving.signal, headers });
    await Promise.race(gateway.workers.map((each) => each.until(() => runs.length === 2)));
    leaving.abort();
    await expect(response.text()).rejects.toThrow();
    await worker(runs[1]).until(({ cancelled }) => cancelled.includes('leaver'));
  });
});

describe('a worker that flaps', () => {
  it('is left alone after five losses, and asked again by one request at a time', async () => {
    await start({ circuit: { openMs: 600_000 }, resumeWaitMs: 0, fakes: [speaker(0, cut)] });
    for (let round = 1; round <= 5; round++) {
      expect((await gateway.chat()).status).toBe(502);
      await gateway.worker.until(({ attachCount }) => attachCount === round + 1);
      // The gateway reads the Welcome before it answers who is attached.
      while (!/workers_attached 1/.test(await (await fetch(`${gateway.url}/metrics`)).text()));
    }
    expect((await gateway.chat()).status).toBe(503);
    expect((await fetch(`${gateway.url}/ready`)).status).toBe(503);
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toMatch(/^sluice_gateway_worker_circuit\{.*\} 2$/m);
  });
});
