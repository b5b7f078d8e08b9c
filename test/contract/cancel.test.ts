import { createLog, systemClock } from '@sluice/shared';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../../packages/gateway/src/test-support/start-test-gateway.js';
import { Engine } from '../../packages/worker/src/engine/engine.js';
import type { EnginePort } from '../../packages/worker/src/engine/engine-port.js';
import { createPolicy } from '../../packages/worker/src/engine/scheduler/policies.js';
import { LaneModel } from '../../packages/worker/src/model/lane-model.js';
import { TinyModelFolder } from '../../packages/worker/src/model/test-support/compiled-tiny-model.js';
import { byteText } from '../../packages/worker/src/service/test-support/byte-text.js';
import { createWorkerServer, type WorkerServer } from '../../packages/worker/src/service/worker-server.js';

// A real client's leaving, through the real gateway and the real engine over a real model: how many steps later its slot is
// free. Steps are the engine's own count, so the machine's speed is no part of it.

const contextTokens = 512;
const sizes = { layers: 4, hidden: 256, heads: 8, kvHeads: 4, headDim: 32, feedForward: 768, contextTokens };
const folder = new TinyModelFolder();
const log = createLog('test');
log.level = 'silent';

let model: LaneModel;
let engine: Engine;
let server: WorkerServer;
let gateway: TestGateway;
/** The engine's load when the cancel reached it. */
let atCancel: ReturnType<EnginePort['load']> | undefined;

beforeAll(async () => {
  const { files } = await folder.compile(3, 'q8', sizes);
  model = new LaneModel(files, { slots: 4, contextTokens, stepTokensMax: 64, threads: 1 });
});

afterAll(async () => {
  model.close();
  await folder.remove();
});

beforeEach(async () => {
  atCancel = undefined;
  engine = new Engine(
    { tokenBudget: 32, kvTokensMax: 2048, waitingMax: 16, prefixCache: false },
    {
      model,
      policy: createPolicy('sarathi'),
      clock: systemClock(),
      log,
      listener: (events) => server.onStep(events),
    },
  );
  const watched: EnginePort = {
    contextTokens,
    submit: (request) => engine.submit(request),
    cancel: (id) => {
      atCancel ??= engine.load();
      engine.cancel(id);
    },
    load: () => engine.load(),
    drain: () => engine.drain(),
    close: () => engine.close(),
  };
  const info = { name: 'tiny', architecture: 'llama', contextTokens, vocabularyCount: 288 };
  server = createWorkerServer({ engine: watched, text: byteText(), info, epoch: 'one', log, clock: systemClock() });
  const port = await server.listen('127.0.0.1', 0);
  gateway = await startTestGateway({ fakes: [], workers: [`127.0.0.1:${port}`] });
});

afterEach(async () => {
  await gateway.stop();
  await server.close(1_000);
  await engine.close();
});

const prompt = 'x'.repeat(400);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Steps from the cancel's arrival to a free slot. */
async function stepsToFree(): Promise<number> {
  await until(() => atCancel !== undefined);
  expect(atCancel).toMatchObject({ running: 1 });
  await until(() => engine.load().running === 0);
  return engine.load().steps - (atCancel?.steps ?? 0);
}

describe('the slot of a client that leaves is free within one step', () => {
  it('before its first token', async () => {
    const leaving = new AbortController();
    const body = { prompt, max_tokens: 50, ignore_eos: true, stream: true };
    const response = gateway.post('/v1/completions', body, { signal: leaving.signal });
    // Its prompt takes more than a dozen steps.
    await until(() => engine.load().running === 1);
    leaving.abort();
    await expect(response).rejects.toThrow();
    expect(await stepsToFree()).toBeLessThanOrEqual(1);
    expect(atCancel?.prefillTokensWaiting).toBeGreaterThan(0);
    expect(engine.load()).toMatchObject({ kvTokensUsed: 0, waiting: 0 });
  });

  it('in the middle of its stream', async () => {
    const leaving = new AbortController();
    const body = { prompt: 'x', max_tokens: 500, ignore_eos: true, stream: true };
    const response = await gateway.post('/v1/completions', body, { signal: leaving.signal });
    const reader = response.body!.getReader();
    await reader.read();
    leaving.abort();
    expect(await stepsToFree()).toBeLessThanOrEqual(1);
    expect(atCancel?.steps).toBeLessThan(500);
    expect(engine.load()).toMatchObject({ kvTokensUsed: 0, waiting: 0 });
  });

  it('while a reply in one piece is made', async () => {
    const leaving = new AbortController();
    const body = { prompt: 'x', max_tokens: 500, ignore_eos: true };
    const response = gateway.post('/v1/completions', body, { signal: leaving.signal });
    await until(() => engine.load().steps > 5);
    leaving.abort();
    await expect(response).rejects.toThrow();
    expect(await stepsToFree()).toBeLessThanOrEqual(1);
    expect(atCancel?.steps).toBeLessThan(500);
    expect(engine.load()).toMatchObject({ kvTokensUsed: 0, waiting: 0 });
  });
});
