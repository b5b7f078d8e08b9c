import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FleetStore } from '../fleet-store.js';
import type { LimitClaim } from '../limit-store.js';
import { eventually, openReachable, openStore } from '../test-support/open-reachable.js';
import { recordedLog } from '../test-support/recorded-log.js';
import { worker } from '../test-support/records.js';
import { noRedis, RedisServer, type RedisServerOptions } from '../test-support/redis-server.js';

// What is left of a store when its Redis is not what it should be, on real servers.

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 60_000 });

const away = 'warn: redis is out of reach; going on with what is known, and trying again';
const back = 'info: redis is reachable';

const tokens: LimitClaim = { name: 'tokens', amount: 80, amountMax: 100, windowMs: 3_600_000 };

const cleanups: (() => Promise<void>)[] = [];

beforeEach((context) => {
  if (noRedis !== undefined) context.skip(noRedis);
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startRedis(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  cleanups.push(() => server.close());
  return server;
}

function closeLater(store: FleetStore): FleetStore {
  cleanups.push(() => store.close());
  return store;
}

/** A store on its own server, with one worker in it that never expires here, and what is logged. */
async function setUp(options: RedisServerOptions & { readonly commandMs?: number } = {}) {
  const { commandMs, ...redisOptions } = options;
  const redis = await startRedis(redisOptions);
  const { log, lines } = recordedLog();
  const more = commandMs === undefined ? {} : { commandMs };
  const store = closeLater(await openReachable(redis.url, { log, memberExpireMs: 3_600_000, ...more }));
  await store.loads.putWorker(worker('a:1'));
  expect((await store.loads.read()).workers).toHaveLength(1);
  return { redis, store, lines };
}

async function ids(store: FleetStore): Promise<readonly string[]> {
  return (await store.loads.read()).workers.map(({ id }) => id);
}

describe('A Redis that is killed', () => {
  it('leaves the last known fleet with its age, drops writes, and is found again when it is back, empty', async () => {
    const { redis, store, lines } = await setUp();
    await redis.kill();
    await eventually('the outage to be seen', () => !store.status.isReachable);

    expect(await store.loads.putWorker(worker('b:1'))).toBe(false);
    const view = await store.loads.read();
    expect(view.workers.map(({ id }) => id)).toEqual(['a:1']);
    expect(view.ageMs).toBeGreaterThan(0);
    expect(await store.journals.append('s', 0, ['x'])).toBe('unavailable');
    expect(await store.journals.read('s', 0)).toEqual({ kind: 'unavailable' });
    expect(await store.responses.put('a', 'ann', 'x')).toBe('unavailable');
    expect(await store.responses.read('a', 'ann')).toEqual({ kind: 'unavailable' });
    expect(await store.responses.remove('a', 'ann')).toBe('unavailable');
    expect(store.status.errors).toBeGreaterThan(0);

    await redis.start();
    await eventually('it to be found again', () => store.status.isReachable);
    expect(await ids(store)).toEqual([]);
    expect(await store.loads.putWorker(worker('b:1'))).toBe(true);
    expect(await ids(store)).toEqual(['b:1']);
    expect(lines.map((line) => line.replace(/ \(.*/, ''))).toEqual([back, away, back]);
  });

  it('keeps limits that it had written down', async () => {
    const { redis, store } = await setUp({ persistent: true });
    expect((await store.limits.reserve([tokens])).kind).toBe('granted');
    await redis.kill();
    await redis.start();
    await eventually('it to be found again', async () => {
      const answer = await store.limits.reserve([{ ...tokens, amount: 0 }]);
      return !answer.isLocal;
    });
    expect(await store.limits.reserve([tokens])).toMatchObject({ kind: 'refused', isLocal: false });
  });

  it('lets each process count limits for itself meanwhile', async () => {
    const { redis, store } = await setUp();
    await store.limits.reserve([tokens]);
    await redis.kill();
    await eventually('the outage to be seen', () => !store.status.isReachable);
    expect(await store.limits.reserve([tokens])).toMatchObject({ kind: 'granted', isLocal: true });
    expect(await store.limits.reserve([tokens])).toMatchObject({ kind: 'refused', isLocal: true });
    // What was reserved in Redis before is not given back here.
    await store.limits.settle([{ ...tokens, used: 0, isLocal: false }]);
    expect(await store.limits.reserve([tokens])).toMatchObject({ kind: 'refused', isLocal: true });
    await store.limits.settle([{ ...tokens, used: 0, isLocal: true }]);
    expect(await store.limits.reserve([tokens])).toMatchObject({ kind: 'granted', isLocal: true });
  });

  it('gives nothing back in Redis that was reserved while it was away', async () => {
    const { redis, store } = await setUp({ persistent: true });
    await store.limits.reserve([tokens]);
    await redis.kill();
    await eventually('the outage to be seen', () => !store.status.isReachable);
    expect(await store.limits.reserve([tokens])).toMatchObject({ kind: 'granted', isLocal: true });
    await redis.start();
    await eventually('it to be found again', () => store.status.isReachable);
    await store.limits.settle([{ ...tokens, used: 0, isLocal: true }]);
    expect(await store.limits.reserve([tokens])).toMatchObject({ kind: 'refused', isLocal: false });
  });
});

describe('A Redis that was never there', () => {
  it('gives an empty fleet that says so, one line in the log, and is found when it comes', async () => {
    const redis = await startRedis();
    await redis.kill();
    const { log, lines } = recordedLog();
    const store = closeLater(openStore(redis.url, { log }));
    await eventually('the outage to be logged', () => lines.length > 0);
    expect(await store.loads.read()).toEqual({ workers: [], gateways: [], ageMs: undefined });
    await redis.start();
    await eventually('it to be found', () => store.status.isReachable);
    expect(lines.map((line) => line.replace(/ \(.*/, ''))).toEqual([away, back]);
  });
});

describe('A Redis that does not answer', () => {
  it('is given up after the bound, and then costs nothing until it answers again', async () => {
    const { redis, store, lines } = await setUp({ commandMs: 100 });
    redis.pause();
    // However many ask, none waits longer than the bound, and nothing fails.
    const appends = Array.from({ length: 6_000 }, (_, index) => store.journals.append(`s${index}`, 0, ['x']));
    expect(new Set(await Promise.all(appends))).toEqual(new Set(['unavailable']));
    expect(store.status.isReachable).toBe(false);
    expect(await ids(store)).toEqual(['a:1']);
    redis.resume();
    await eventually('it to be found again', () => store.status.isReachable);
    expect(await store.loads.putWorker(worker('b:1'))).toBe(true);
    expect(lines.filter((line) => line.startsWith(away))).toHaveLength(1);
  });
});

describe('A Redis that was flushed', () => {
  it('knows who announces themselves from then on', async () => {
    const { redis, store } = await setUp();
    await redis.ask((client) => client.call('FLUSHALL'));
    await redis.ask((client) => client.call('SCRIPT', 'FLUSH'));
    expect(await ids(store)).toEqual([]);
    await store.loads.putWorker(worker('a:1'));
    expect(await ids(store)).toEqual(['a:1']);
    expect(store.status.isReachable).toBe(true);
  });
});

describe('A Redis that only reads', () => {
  it('counts as out of reach until it is a master again', async () => {
    const { redis, store } = await setUp();
    await redis.ask((client) => client.call('REPLICAOF', '127.0.0.1', '1'));
    await eventually('the outage to be seen', async () => {
      await store.loads.putWorker(worker('b:1'));
      return !store.status.isReachable;
    });
    expect(await ids(store)).toEqual(['a:1']);
    await redis.ask((client) => client.call('REPLICAOF', 'NO', 'ONE'));
    await eventually('it to be found again', () => store.status.isReachable);
  });
});

describe('A master that fails over', () => {
  it('is followed to its replica by the sentinels, with what it knew', async () => {
    const master = await startRedis();
    const replica = await startRedis({ replicaOfPort: master.port });
    const sentinel = await startRedis({ sentinelOfPort: master.port });
    await eventually('the sentinel to know the replica', async () => {
      const replicas = await sentinel.ask((client) => client.call('SENTINEL', 'REPLICAS', 'fleet'));
      return Array.isArray(replicas) && replicas.length === 1 && String(replicas).includes('master-link-status,ok');
    });
    const store = closeLater(await openReachable(sentinel.url, { memberExpireMs: 3_600_000, commandMs: 500 }));
    await store.loads.putWorker(worker('a:1'));
    await master.ask((client) => client.call('WAIT', '1', '5000'));
    await master.kill();
    await eventually('the replica to be written to', () => store.loads.putWorker(worker('b:1')));
    expect(await ids(store)).toEqual(['a:1', 'b:1']);
    expect(await replica.ask((client) => client.zcard('{sluice:test}:workers:expiry'))).toBe(2);
  });
});

describe('A Redis with garbage in it', () => {
  it('gives the records that can be read, and says once that there are others', async () => {
    const { redis, store, lines } = await setUp();
    const plant = (id: string, record: string): Promise<unknown> =>
      redis.ask(async (client) => {
        await client.zadd('{sluice:test}:workers:expiry', Number.MAX_SAFE_INTEGER, id);
        await client.hset('{sluice:test}:workers:records', id, record);
      });
    await plant('no json', '12 epoch {');
    await plant('no time', JSON.stringify(worker('x')));
    await plant('of the future', `12 epoch-1 ${JSON.stringify({ ...worker('y'), v: 2 })}`);
    await plant('not a load', `12 epoch-1 ${JSON.stringify({ ...worker('y'), v: 1, load: { running: 'many' } })}`);
    await plant('another epoch', `12 epoch-2 ${JSON.stringify({ ...worker('y'), v: 1 })}`);
    await redis.ask((client) => client.zadd('{sluice:test}:workers:expiry', Number.MAX_SAFE_INTEGER, 'no record'));
    const before = store.status.errors;
    expect(await ids(store)).toEqual(['a:1']);
    expect(await ids(store)).toEqual(['a:1']);
    expect(store.status.errors - before).toBe(12);
    expect(lines.filter((line) => line.includes('cannot be read'))).toHaveLength(1);
    expect(store.status.isReachable).toBe(true);
  });

  it('takes fields that it does not know, and numbers that are missing as 0', async () => {
    const { redis, store } = await setUp();
    const record = { v: 1, ...worker('new:1'), load: { state: 'ready', running: 3, dreams: 7 }, colour: 'red' };
    await redis.ask(async (client) => {
      await client.zadd('{sluice:test}:workers:expiry', Number.MAX_SAFE_INTEGER, 'new:1');
      await client.hset('{sluice:test}:workers:records', 'new:1', `12 epoch-1 ${JSON.stringify(record)}`);
    });
    const found = (await store.loads.read()).workers.find(({ id }) => id === 'new:1');
    expect(found?.load).toEqual(worker('new:1', { load: { running: 3, kvTokensMax: 0, slotsMax: 0 } }).load);
  });

  it('goes on with what it knows when a key is of another type', async () => {
    const { redis, store, lines } = await setUp();
    await redis.ask(async (client) => {
      await client.del('{sluice:test}:workers:expiry');
      await client.set('{sluice:test}:workers:expiry', 'garbage');
      await client.set('{sluice:test}:limit:tokens', 'garbage');
    });
    expect(await ids(store)).toEqual(['a:1']);
    expect(await store.loads.putWorker(worker('b:1'))).toBe(false);
    expect(await store.limits.reserve([tokens])).toMatchObject({ kind: 'granted', isLocal: true });
    expect(store.status.isReachable).toBe(true);
    expect(lines.some((line) => line.includes('refused a command'))).toBe(true);
  });
});

describe('Something else at the address of Redis', () => {
  it('counts as out of reach, whatever it says', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => void server.close());
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const { log, lines } = recordedLog();
    const store = closeLater(openStore(`redis://127.0.0.1:${port}`, { log }));
    await eventually('the outage to be logged', () => lines.length > 0);
    expect(await store.loads.putWorker(worker('a:1'))).toBe(false);
    expect(store.status.isReachable).toBe(false);
    expect(lines).toHaveLength(1);
  });
});

describe('A wrong password', () => {
  it('is said in the log, and nothing more once the right one is set', async () => {
    const redis = await startRedis({ password: 'right' });
    const { log, lines } = recordedLog();
    const store = closeLater(openStore(redis.url.replace('right', 'wrong'), { log }));
    await eventually('the outage to be logged', () => lines.length > 0);
    expect(lines[0]).toMatch(/out of reach.*WRONGPASS/);
    expect(lines[0]).not.toContain('wrong');
    expect(await store.loads.putWorker(worker('a:1'))).toBe(false);
    await redis.ask((client) => client.call('CONFIG', 'SET', 'requirepass', 'wrong'));
    await eventually('it to be found', () => store.status.isReachable);
    expect(lines).toHaveLength(2);
  });
});
