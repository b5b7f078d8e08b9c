import type { GatewayMessageInit, GenerateEvent, StepFrame, WorkerMessage } from '@sluice/proto';
import { createLog, ServingError, seededRng } from '@sluice/shared';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../test-support/manual-clock.js';
import { defaultCircuit } from './circuit-breaker.js';
import type { GenerationListener } from './worker.js';
import { WorkerConnection } from './worker-connection.js';
import type { WorkerStreamListener } from './worker-stream.js';

/** One stream that the connection opened, and what it did to it. */
interface OpenedStream {
  readonly listener: WorkerStreamListener;
  readonly sent: GatewayMessageInit[];
  isClosed: boolean;
  unsentCount: number;
}

let clock: ManualClock;
let streams: OpenedStream[];
let connection: WorkerConnection;

beforeEach(() => {
  clock = new ManualClock();
  streams = [];
  const log = createLog('gateway');
  log.level = 'silent';
  const dialer = {
    open: (listener: WorkerStreamListener) => {
      const stream: OpenedStream = { listener, sent: [], isClosed: false, unsentCount: 0 };
      streams.push(stream);
      return {
        get unsentCount() {
          return stream.unsentCount;
        },
        send: (message: GatewayMessageInit) => void stream.sent.push(message),
        close: () => {
          stream.isClosed = true;
        },
      };
    },
    close: () => {},
  };
  connection = new WorkerConnection(
    { id: 'w', gatewayId: 'g', dialer, clock, rng: seededRng(1), log },
    { silenceMs: 3000, backoff: { firstMs: 100, maxMs: 1000 }, circuit: defaultCircuit, unsentMax: 4 },
  );
  connection.start();
});

describe('WorkerConnection', () => {
  it('attaches, and is ready once welcomed', () => {
    expect(last().sent).toEqual([{ attach: { gatewayId: 'g' } }]);
    expect(connection.isReady).toBe(false);
    welcome();
    expect(connection.isReady).toBe(true);
    expect(connection.models.map(({ name }) => name)).toEqual(['m']);
  });

  it('hands each event to the request it belongs to, until the last', () => {
    welcome();
    const first = submit();
    const second = submit();
    frame([delta(1, { text: 'a' }), delta(2, { text: 'b' })]);
    frame([delta(1, { text: 'c', finished: finishedInit })]);
    frame([delta(1, { text: 'late' }), delta(9, { text: 'nobody' })]);
    expect(first.texts).toEqual(['a', 'c']);
    expect(second.texts).toEqual(['b']);
    expect(connection.requestsInFlight).toBe(1);
  });

  it('counts a request against the worker until the worker has reported it', () => {
    welcome();
    submit(40);
    submit(60);
    expect(connection.view).toMatchObject({ unreportedRequests: 2, unreportedTokens: 100 });
    frame([delta(1, { accepted: { promptTokens: 44 } })]);
    expect(connection.view).toMatchObject({ unreportedRequests: 1, unreportedTokens: 60 });
    frame([delta(2, { failed: { code: 'internal', message: '', field: '' } })]);
    expect(connection.view).toMatchObject({ unreportedRequests: 0, unreportedTokens: 0 });
  });

  it('cancels once, tells the worker, and swallows what was still on its way', () => {
    welcome();
    const run = submit(40);
    run.generation.cancel();
    run.generation.cancel();
    expect(last().sent.filter((message) => message.cancel)).toEqual([{ cancel: { id: 1 } }]);
    expect(connection.view).toMatchObject({ unreportedRequests: 0, unreportedTokens: 0 });
    frame([delta(1, { text: 'late' })]);
    expect(run.texts).toEqual([]);
  });

  it('fails what is in flight when the stream breaks, and comes back', () => {
    welcome();
    const run = submit();
    last().listener.onEnd(new Error('reset'));
    expect(run.lost?.code).toBe('worker_lost');
    expect(connection.isReady).toBe(false);
    run.generation.cancel();
    clock.advance(100);
    expect(streams.length).toBe(2);
    welcome();
    expect(connection.isReady).toBe(true);
    frame([delta(1, { text: 'of another life' })]);
    expect(run.texts).toEqual([]);
  });

  it('takes a worker that is silent for too long as lost, attached or not', () => {
    welcome();
    const run = submit();
    clock.advance(2000);
    frame([]);
    clock.advance(3299);
    expect(run.lost).toBeUndefined();
    clock.advance(1);
    expect(run.lost?.code).toBe('worker_lost');
    expect(streams[0]?.isClosed).toBe(true);
    clock.advance(100);
    expect(streams.length).toBe(2);
    clock.advance(6600);
    expect(streams[1]?.isClosed).toBe(true);
  });

  it('does not take its own stall for the silence of a worker', () => {
    welcome();
    const run = submit();
    clock.advance(3000);
    frame([delta(1, { text: 'was here all along' })]);
    clock.advance(300);
    expect(run.lost).toBeUndefined();
    expect(run.texts).toEqual(['was here all along']);
  });

  it('waits longer after each failure, up to the longest wait, and starts over after a welcome', () => {
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) waits.push(failAndWait());
    for (const [i, waitMs] of waits.entries()) {
      const fullMs = Math.min(1000, 100 * 2 ** i);
      expect(waitMs).toBeGreaterThanOrEqual(fullMs / 2);
      expect(waitMs).toBeLessThanOrEqual(fullMs + 1);
    }
    welcome();
    expect(failAndWait()).toBeLessThanOrEqual(101);
  });

  it.each([
    ['a frame before the welcome', () => frame([])],
    [
      'a second welcome',
      () => {
        welcome();
        welcome();
      },
    ],
    [
      'a gap in the frames',
      () => {
        welcome();
        last().listener.onMessage({ message: 'frame', frame: { frame: 2, deltas: [], load: null } });
      },
    ],
    ['an empty message', () => last().listener.onMessage({})],
  ])('takes a worker as lost that breaks the contract with %s', (_, breakContract) => {
    breakContract();
    expect(streams[0]?.isClosed).toBe(true);
    expect(connection.isAttached).toBe(false);
  });

  it('sends a worker that does not read no new requests', () => {
    welcome();
    last().unsentCount = 4;
    expect(connection.isReady).toBe(false);
    last().unsentCount = 0;
    expect(connection.isReady).toBe(true);
  });

  it('gives requests back when the worker says that it goes, and does not count that as a failure', () => {
    for (let round = 0; round < 10; round++) {
      welcome();
      const run = submit();
      last().listener.onEnd(new ServingError('draining', 'the worker is going away'));
      expect(run.lost?.code).toBe('draining');
      clock.advance(100);
    }
    welcome();
    expect(connection.circuitState).toBe('closed');
    expect(connection.attachments).toBe(11);
  });

  it('keeps requests from a worker that was lost again and again, then lets one through', () => {
    for (let round = 0; round < 5; round++) {
      welcome();
      last().listener.onEnd(new Error('reset'));
      clock.advance(100);
    }
    welcome();
    expect(connection.isReady).toBe(false);
    expect(connection.circuitState).toBe('open');
    clock.advance(1900);
    frame([]);
    expect(connection.isReady).toBe(true);
    submit();
    expect(connection.isReady).toBe(false);
    frame([delta(1, { tokenIds: [1] })]);
    expect(connection.circuitState).toBe('closed');
    expect(connection.isReady).toBe(true);
  });

  it('counts a pass that failed once, however many requests were in it', () => {
    welcome();
    for (let i = 0; i < 8; i++) submit();
    const failed = { code: 'engine_failed', message: '', field: '' };
    frame([1, 2, 3, 4, 5, 6, 7, 8].map((id) => delta(id, { failed })));
    expect(connection.circuitState).toBe('closed');
  });

  it('lets another probe through when the first is cancelled', () => {
    for (let round = 0; round < 5; round++) {
      welcome();
      last().listener.onEnd(new Error('reset'));
      clock.advance(100);
    }
    welcome();
    clock.advance(1900);
    const { generation } = submit();
    expect(connection.isReady).toBe(false);
    generation.cancel();
    expect(connection.isReady).toBe(true);
  });

  it('does not come back once closed', () => {
    welcome();
    const run = submit();
    connection.close();
    expect(run.lost?.code).toBe('draining');
    clock.advance(60_000);
    expect(streams.length).toBe(1);
    expect(streams[0]?.isClosed).toBe(true);
  });
});

const finishedInit = {
  reason: 'FINISH_REASON_STOP',
  stopString: '',
  promptTokens: 1,
  completionTokens: 1,
  cachedTokens: 0,
  ttft: 'OBJECTIVE_OUTCOME_MET',
  tbt: 'OBJECTIVE_OUTCOME_MET',
} as const;

function last(): OpenedStream {
  return streams.at(-1)!;
}

const load = {
  state: 'WORKER_STATE_READY',
  running: 0,
  waiting: 0,
  prefillTokensWaiting: 0,
  kvTokensUsed: 0,
  kvTokensMax: 0,
  slotsMax: 0,
  prefillTokensPerSecond: 0,
  decodeTokensPerSecond: 0,
  stepMs: 0,
  stepErrorRatio: 0,
  preemptionsCopied: 0,
  preemptionsRecomputed: 0,
  swapBytesUsed: 0,
  hostGapP50Ms: 0,
  hostGapP99Ms: 0,
  tokensDrafted: 0,
  tokensAccepted: 0,
  steps: 0,
} as const;
let frameNumber = 0;

function welcome(): void {
  frameNumber = 0;
  const model = {
    name: 'm',
    architecture: 'llama',
    contextTokens: 256,
    vocabularyCount: 10,
    hasChatTemplate: true,
    endTokenIds: [],
    createdSeconds: 1,
    weights: 'q8',
    kernels: 'own',
    kv: 'q8',
    toolFormat: 'json',
    embeddingLength: 0,
    fillIn: null,
  };
  const message: WorkerMessage = {
    message: 'welcome',
    welcome: { epoch: 'e', model, load, framesUnacknowledgedMax: 64 },
  };
  last().listener.onMessage(message);
}

function frame(deltas: StepFrame['deltas']): void {
  frameNumber += 1;
  last().listener.onMessage({ message: 'frame', frame: { frame: frameNumber, deltas, load } });
}

function delta(id: number, event: Partial<GenerateEvent>): StepFrame['deltas'][number] {
  return { id, event: { accepted: null, tokenIds: [], text: '', logprobs: [], promptReport: null, ...event } };
}

function submit(promptTokens = 10) {
  const run = { texts: [] as string[], lost: undefined as ServingError | undefined };
  const listener: GenerationListener = {
    onEvent: (event) => void run.texts.push(event.text),
    onLost: (error) => {
      run.lost = error;
    },
  };
  return Object.assign(run, { generation: connection.submit({}, promptTokens, listener) });
}

/** Ends the stream and returns how long it takes until there is another, milliseconds. */
function failAndWait(): number {
  const before = streams.length;
  const fromMs = clock.nowMs();
  last().listener.onEnd(new Error('refused'));
  while (streams.length === before) clock.advance(1);
  return clock.nowMs() - fromMs;
}
