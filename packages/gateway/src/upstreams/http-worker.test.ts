import { createLog, type ServingError, seededRng } from '@sluice/shared';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../test-support/manual-clock.js';
import { defaultCircuit } from '../workers/circuit-breaker.js';
import { HttpWorker } from './http-worker.js';
import type { UpstreamAnswer, UpstreamClient, UpstreamListener } from './upstream-client.js';

// An upstream in time that stands still until a test moves it; what it says over real sockets is upstreams.test.ts.

const silenceMs = 1_500;

interface Exchange {
  readonly listener: UpstreamListener;
  isAborted: boolean;
}

let clock: ManualClock;
let exchanges: Exchange[];
/** Undefined: no answer. */
let health: number | Error | undefined;
let worker: HttpWorker;
let lost: (ServingError | undefined)[];

const late = new Error('timed out');

const client: UpstreamClient = {
  post: (_path, _headers, _body, listener) => {
    const exchange = { listener, isAborted: false };
    exchanges.push(exchange);
    return {
      abort: () => {
        exchange.isAborted = true;
      },
    };
  },
  get: async (path, { timeoutMs }): Promise<UpstreamAnswer> => {
    if (path === '/v1/models') return { status: 200, body: '{"data":[{"id":"m"}]}' };
    if (path !== '/health') return { status: 404, body: '' };
    if (health instanceof Error) throw health;
    if (health === undefined) return await new Promise((_, reject) => clock.after(timeoutMs, () => reject(late)));
    return { status: health, body: '' };
  },
  close: () => {},
};

beforeEach(async () => {
  clock = new ManualClock();
  exchanges = [];
  lost = [];
  health = 200;
  const log = createLog('gateway');
  log.level = 'silent';
  worker = new HttpWorker(
    { id: 'http://a', client, clock, rng: seededRng(1), log, onLoad: () => {} },
    {
      silenceMs,
      firstTextMs: 10_000,
      gapMs: 5_000,
      requestsMax: 4,
      backoff: { firstMs: 100, maxMs: 1_000 },
      circuit: defaultCircuit,
    },
  );
  worker.start();
  await settled();
});

/** Lets every answer that is there arrive. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    clock.advance(50);
    await settled();
  }
}

function submit(): Exchange {
  const number = lost.push(undefined) - 1;
  const listener = {
    onEvent: () => {},
    onLost: (error: ServingError) => {
      lost[number] = error;
    },
  };
  worker.submit({ text: 'x' }, 1, listener, { model: 'm', isSeeded: false });
  return exchanges.at(-1)!;
}

function say({ listener }: Exchange, text: string): void {
  listener.onData(Buffer.from(`data: {"choices":[{"text":"${text}"}]}\n\n`));
}

function begin(exchange: Exchange): void {
  exchange.listener.onHead(200, { 'content-type': 'text/event-stream' });
  say(exchange, 'a');
}

const codes = (): (string | undefined)[] => lost.map((error) => error?.code);

describe('HttpWorker', () => {
  it('is lost within 2 s of silence, and there again when it answers', async () => {
    expect(worker.isReady).toBe(true);
    await pass(10_000);
    expect(worker.isReady).toBe(true);
    health = undefined;
    await pass(2_000);
    expect(worker.isAttached).toBe(false);
    health = 200;
    await pass(3_000);
    expect(worker.isReady).toBe(true);
  });

  it('is not lost for a stall of this process, after which answers are read late', async () => {
    clock.advance(silenceMs + 100);
    expect(worker.isAttached).toBe(true);
    await settled();
    await pass(1_000);
    expect(worker.isAttached).toBe(true);
  });

  it('is lost at once when it refuses connections or says that it is not well', async () => {
    health = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    await pass(400);
    expect(worker.isAttached).toBe(false);
    health = 200;
    await pass(1_000);
    expect(worker.isAttached).toBe(true);
    health = 503;
    await pass(400);
    expect(worker.isAttached).toBe(false);
  });

  it('gives back requests without text when it is lost, and keeps the others', async () => {
    const begun = submit();
    begin(begun);
    const waiting = submit();
    health = 503;
    await pass(400);
    expect(codes()).toEqual([undefined, 'worker_lost']);
    expect([begun.isAborted, waiting.isAborted]).toEqual([false, true]);
    expect(worker.requestsInFlight).toBe(1);
  });

  it('takes nothing more when it cannot be reached, without counting that against the request', async () => {
    const before = worker.attachments;
    submit().listener.onError(new Error('ECONNREFUSED'), false);
    expect(codes()).toEqual(['draining']);
    expect(worker.isReady).toBe(false);
    await pass(1_000);
    expect(worker.isReady).toBe(true);
    expect(worker.attachments).toBeGreaterThan(before);
  });

  it('ends what has brought no text for too long, whatever else it brings', async () => {
    const { listener } = submit();
    listener.onHead(200, { 'content-type': 'text/event-stream' });
    for (let i = 0; i < 9; i++) {
      await pass(1_000);
      listener.onData(Buffer.from(': ping\n\n'));
    }
    expect(codes()).toEqual([undefined]);
    await pass(2_000);
    expect(codes()).toEqual(['worker_lost']);
  });

  it('ends a stream that stalls, not one that is slow', async () => {
    const [slow, stalled] = [submit(), submit()];
    begin(slow);
    begin(stalled);
    for (let i = 0; i < 4; i++) {
      await pass(2_000);
      say(slow, 'b');
    }
    expect(codes()).toEqual([undefined, 'worker_lost']);
    expect(stalled.isAborted).toBe(true);
  });

  it('does not wait for long for the end of a reply behind a whole answer', async () => {
    const exchange = submit();
    begin(exchange);
    exchange.listener.onData(Buffer.from('data: {"choices":[{"text":"","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'));
    await pass(500);
    expect(exchange.isAborted).toBe(false);
    await pass(1_000);
    expect(exchange.isAborted).toBe(true);
    expect(codes()).toEqual([undefined]);
  });

  it('holds nothing behind its end for answers that have just ended', () => {
    const exchange = submit();
    begin(exchange);
    exchange.listener.onData(Buffer.from('data: {"choices":[{"text":"","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'));
    worker.close();
    expect(clock.timers).toBe(0);
  });

  it('gives everything back when it is closed, and hears nothing more', async () => {
    const exchange = submit();
    begin(exchange);
    worker.close();
    expect(codes()).toEqual(['draining']);
    expect(exchange.isAborted).toBe(true);
    await pass(5_000);
    expect(clock.timers).toBe(0);
    expect(worker.requestsInFlight).toBe(0);
  });
});
