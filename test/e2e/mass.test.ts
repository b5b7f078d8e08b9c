import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { connectWorker, type GenerateRequestInit, type Load, type WorkerClient } from '@sluice/proto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { request, TestGateway } from '../../packages/worker/src/service/test-support/test-gateway.js';
import { cacheIn } from '../support/cache-in.js';
import { tinyModel } from '../support/tiny-model.js';
import { eventually, SluiceProcess } from './up-server.js';

// Crowds in front of one real worker process, whose model has made-up weights.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const REQUESTS = 1_000;
const SLOTS = 8;
/** What a wave of requests may leave behind in the process, for good. */
const GROWTH_BYTES_MAX = 64 * 2 ** 20;

let folder = '';
let worker: SluiceProcess;
let client: WorkerClient;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-mass-'));
  const model = path.join(folder, 'tiny.gguf');
  writeFileSync(model, tinyModel(7, { layers: 4, hidden: 128, feedForward: 384, contextTokens: 4_096 }).gguf);
  const flags = ['--threads', '1', '--slots', String(SLOTS), '--port', '0', '--drain-ms', '10000'];
  const env = { SLUICE_CACHE: cacheIn(path.join(folder, 'cache')), SLUICE_LOG: 'fatal' };
  worker = new SluiceProcess(['worker', '--model', model, ...flags], env);
  const found = await eventually('a worker to serve', 50_000, () => /grpc:\/\/(\S+:\d+)/.exec(worker.stdout));
  client = connectWorker(found[1]!);
});

afterAll(() => {
  client?.close();
  worker?.killAll();
  rmSync(folder, { recursive: true, force: true });
});

describe('a worker', () => {
  it('takes a thousand requests at once, and lets all of them go at once', async () => {
    await wave();
    const residentBytes = bytesOf(worker.pid);
    for (let again = 0; again < 2; again++) await wave();
    expect(bytesOf(worker.pid) - residentBytes).toBeLessThan(GROWTH_BYTES_MAX);
    const gateway = new TestGateway(client);
    await gateway.attach();
    gateway.submit(1, crowdRequest(1, 4));
    expect((await gateway.outcome(1)).tokenIds).toHaveLength(4);
    gateway.cut();
  });

  it('goes when it is told to, though a client does not read what its requests gain', async () => {
    const deaf = client.attach();
    deaf.on('error', () => {});
    deaf.write({ attach: { gatewayId: 'deaf' } });
    for (let id = 1; id <= 40; id++) deaf.write({ submit: { id, request: crowdRequest(id, 200) } });
    await eventually('its requests to run', 10_000, async () => (await load()).running === SLOTS);
    const drained = promisify((done: (error: Error | null) => void) => client.drain({}, (error) => done(error)))();
    await drained;
    expect(await load()).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0 });
    worker.signal('SIGTERM');
    expect(await worker.exited).toEqual({ status: 0, signal: null });
  });
});

/** A thousand requests in one go, all taken back in the next, long before any of them could end by itself. */
async function wave(): Promise<void> {
  const gateway = new TestGateway(client);
  await gateway.attach();
  for (let id = 1; id <= REQUESTS; id++) gateway.submit(id, crowdRequest(id, 0));
  for (let id = 1; id <= REQUESTS; id++) gateway.send({ cancel: { id } });
  const ends = new Map<number, string>();
  while (ends.size < REQUESTS) {
    for (const { id, event } of await gateway.deltas()) {
      if (event?.end === undefined) continue;
      expect(ends.has(id), `request ${id} has ended before`).toBe(false);
      ends.set(id, event.finished?.reason ?? event.failed?.code ?? '');
    }
  }
  expect([...new Set(ends.values())]).toEqual(['FINISH_REASON_CANCELLED']);
  expect(await load()).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0 });
  gateway.cut();
}

/** @param tokensMax 0: as many as the context leaves. */
function crowdRequest(id: number, tokensMax: number): GenerateRequestInit {
  const ids = Array.from({ length: 200 }, (_, index) => 10 + ((id * 31 + index * 7) % 200));
  return request('', {
    requestId: String(id),
    prompt: 'tokenIds',
    tokenIds: { ids },
    tokensMax,
    ignoreEnd: true,
  });
}

function load(): Promise<Load> {
  return promisify((done: (error: Error | null, load?: Load) => void) => client.getLoad({}, done))() as Promise<Load>;
}

/** Resident memory; 0 where the system does not say it. */
function bytesOf(pid: number): number {
  if (process.platform !== 'linux') return 0;
  return 1024 * Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
