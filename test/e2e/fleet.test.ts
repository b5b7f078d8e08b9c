import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { noRedis, RedisServer } from '../../packages/store/src/test-support/redis-server.js';
import { cacheIn } from '../support/cache-in.js';
import { tinyModel } from '../support/tiny-model.js';
import { eventually, SluiceProcess } from './up-server.js';

// Two gateways and up to two workers that know of each other only through a real Redis; the tests build on each other.

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 90_000 });

const waitMs = 60_000;

interface Gateway {
  readonly process: SluiceProcess;
  readonly url: string;
}

interface ListedWorker {
  readonly address: string;
  readonly isReady: boolean;
}

let folder = '';
let redis: RedisServer;
let gateways: readonly Gateway[] = [];
const workers: SluiceProcess[] = [];

beforeAll(async () => {
  if (noRedis !== undefined) return;
  folder = cacheIn(mkdtempSync(path.join(os.tmpdir(), 'sluice-fleet-')));
  writeFileSync(path.join(folder, 'tiny.gguf'), tinyModel(1).gguf);
  redis = await RedisServer.start();
  workers.push(await startWorker());
  gateways = await Promise.all([startGateway(), startGateway()]);
});

beforeEach((context) => {
  if (noRedis !== undefined) context.skip(noRedis);
});

afterAll(async () => {
  for (const process of [...workers, ...gateways.map((gateway) => gateway.process)]) process.killAll();
  await redis?.close();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

async function startWorker(): Promise<SluiceProcess> {
  const model = path.join(folder, 'tiny.gguf');
  const size = ['--context', '256', '--slots', '8', '--threads', '1'];
  const flags = ['--model', model, '--port', '0', ...size, '--redis', redis.url, '--fleet', 'e2e'];
  const worker = new SluiceProcess(['worker', ...flags], { SLUICE_CACHE: folder });
  await eventually('a worker to listen', waitMs, () => /grpc:\/\/\S+/.test(worker.stdout));
  return worker;
}

async function startGateway(): Promise<Gateway> {
  const process = new SluiceProcess(['gateway', '--port', '0', '--redis', redis.url, '--fleet', 'e2e']);
  const [url] = await eventually('a gateway to listen', waitMs, () => /http:\/\/\S+/.exec(process.stdout));
  return { process, url };
}

function addressOf(worker: SluiceProcess): string {
  return /grpc:\/\/(\S+)/.exec(worker.stdout)?.[1] ?? '';
}

async function readyWorkers(gateway: Gateway): Promise<readonly string[]> {
  const reply = await fetch(`${gateway.url}/admin/workers`);
  const { workers } = (await reply.json()) as { workers: readonly ListedWorker[] };
  return workers.filter(({ isReady }) => isReady).map(({ address }) => address);
}

async function metric(gateway: Gateway, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
}

/** That all gateways see exactly these as ready. */
async function eventuallyReady(expected: readonly SluiceProcess[]): Promise<void> {
  const addresses = expected.map(addressOf).sort().join();
  await eventually(`the gateways to have ${addresses}`, waitMs, async () => {
    const seen = await Promise.all(gateways.map(readyWorkers));
    return seen.every((each) => [...each].sort().join() === addresses);
  });
}

/** That all gateways say of Redis that it is reachable (1) or not (0). */
async function eventuallyUp(expected: 0 | 1): Promise<void> {
  await eventually(`the gateways to say ${expected} of Redis`, waitMs, async () => {
    const up = await Promise.all(gateways.map((gateway) => metric(gateway, 'sluice_redis_up')));
    return up.every((each) => each === expected);
  });
}

/** That no gateway knows a worker any more. */
async function eventuallyGone(worker: SluiceProcess): Promise<void> {
  await eventually('the gateways to forget a worker', waitMs, async () => {
    const lists = await Promise.all(gateways.map(async ({ url }) => (await fetch(`${url}/admin/workers`)).text()));
    return lists.every((list) => !list.includes(addressOf(worker)));
  });
}

/** What went wrong with one streamed request; undefined: nothing. */
async function ask(gateway: Gateway): Promise<string | undefined> {
  const body = { prompt: 'Once', max_tokens: 24, temperature: 0, ignore_eos: true, stream: true };
  const reply = await fetch(`${gateway.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  return reply.status === 200 && text.endsWith('data: [DONE]\n\n') ? undefined : `${reply.status} ${text}`;
}

/** Keeps both gateways busy while `work` goes on. @returns how many requests there were, and what failed. */
async function underLoad(work: () => Promise<void>) {
  let isOver = false;
  let count = 0;
  const failures: string[] = [];
  const clients = [...gateways, ...gateways].map(async (gateway) => {
    while (!isOver) {
      const failure = await ask(gateway).catch(String);
      count += 1;
      if (failure !== undefined) failures.push(failure);
    }
  });
  await work().finally(() => {
    isOver = true;
  });
  await Promise.all(clients);
  return { count, failures };
}

describe('A fleet that meets in Redis', () => {
  it('serves by every gateway on a worker that none was told of', async () => {
    await eventuallyReady(workers);
    for (const gateway of gateways) expect(await ask(gateway)).toBeUndefined();
    await eventually('each gateway to see both', waitMs, async () => {
      const seen = await Promise.all(gateways.map((gateway) => metric(gateway, 'sluice_fleet_gateways')));
      return seen.every((count) => count === 2);
    });
  });

  it('takes on a worker that comes later, and gives it requests', async () => {
    const worker = await startWorker();
    workers.push(worker);
    const { failures } = await underLoad(async () => {
      await eventuallyReady(workers);
      const chosen = `sluice_gateway_worker_requests_in_flight{worker="${addressOf(worker)}"}`;
      await eventually('requests on the new worker', waitMs, async () => {
        const counts = await Promise.all(gateways.map((gateway) => metric(gateway, chosen)));
        return counts.some((count) => count > 0);
      });
    });
    expect(failures).toEqual([]);
  });

  it('loses no request while Redis is killed, away and back empty', async () => {
    const { count, failures } = await underLoad(async () => {
      await redis.kill();
      await eventuallyUp(0);
      for (const gateway of gateways) expect(await ask(gateway)).toBeUndefined();
      await redis.start();
      await eventually('the fleet to be back in Redis', waitMs, async () => {
        const seen = await Promise.all(gateways.map((gateway) => metric(gateway, 'sluice_fleet_workers')));
        return seen.every((each) => each === 2);
      });
      await eventuallyUp(1);
    });
    expect(failures).toEqual([]);
    expect(count).toBeGreaterThan(0);
    await eventuallyReady(workers);
  });

  it('loses no request while Redis hangs', async () => {
    const { failures } = await underLoad(async () => {
      redis.pause();
      await eventuallyUp(0);
      for (const gateway of gateways) expect(await ask(gateway)).toBeUndefined();
      redis.resume();
      await eventuallyUp(1);
    });
    expect(failures).toEqual([]);
    await eventuallyReady(workers);
  });

  it('lets a worker go that was told to stop, without a failed request', async () => {
    const [worker] = workers.splice(1, 1);
    if (worker === undefined) return;
    const { failures } = await underLoad(async () => {
      worker.signal('SIGTERM');
      expect(await worker.exited).toEqual({ status: 0, signal: null });
      await eventuallyGone(worker);
    });
    expect(failures).toEqual([]);
    await eventuallyReady(workers);
  });

  it('forgets a worker that was killed, and goes on with one that comes', async () => {
    const worker = await startWorker();
    const [killed] = workers.splice(0, 1, worker);
    if (killed === undefined) return;
    killed.signal('SIGKILL');
    await eventuallyGone(killed);
    await eventuallyReady(workers);
    for (const gateway of gateways) expect(await ask(gateway)).toBeUndefined();
  });
});
