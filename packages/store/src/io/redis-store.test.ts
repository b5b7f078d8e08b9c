import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { journalStoreContract } from '../journal-store.contract.js';
import { limitStoreContract } from '../limit-store.contract.js';
import { loadStoreContract } from '../load-store.contract.js';
import { responseStoreContract } from '../response-store.contract.js';
import { openReachable } from '../test-support/open-reachable.js';
import { worker } from '../test-support/records.js';
import { noRedis, RedisServer, type RedisServerOptions } from '../test-support/redis-server.js';
import { contractOptions, type StoreUnderTest } from '../test-support/store-under-test.js';

// The suites that the store in memory passes too, on real servers of several kinds. Redis' time is the machine's, so
// here alone time has to pass for real.

const kinds: Readonly<Record<string, RedisServerOptions>> = {
  'The store in Redis': {},
  'The store in Redis with TLS and a password': { tls: true, password: 'p@ss/wörd' },
  'The store in a Redis cluster': { cluster: true },
};

for (const [name, options] of Object.entries(kinds)) {
  describe(name, () => {
    let server: RedisServer;
    let opened = 0;

    beforeAll(async () => {
      if (noRedis === undefined) server = await RedisServer.start(options);
    });

    beforeEach((context) => {
      if (noRedis !== undefined) context.skip(noRedis);
    });

    afterAll(() => server?.close());

    const open = async (): Promise<StoreUnderTest> => {
      // A fleet of its own for each test, so that all of them begin empty.
      const store = await openReachable(server.url, { fleet: `fleet-${++opened}`, ...contractOptions });
      return { store, pass: (ms) => wait(ms) };
    };
    it('is one store to all processes of a fleet, and not to those of another', async () => {
      const [one, other, elsewhere] = await Promise.all(
        ['shared', 'shared', 'elsewhere'].map((fleet) => openReachable(server.url, { fleet })),
      );
      if (!one || !other || !elsewhere) return;
      const claim = { name: 'tokens', amount: 60, amountMax: 100, windowMs: 60_000 };
      await one.loads.putWorker(worker('a:1'));
      await one.journals.append('s', 0, ['x']);
      expect((await one.limits.reserve([claim])).kind).toBe('granted');

      expect((await other.loads.read()).workers).toMatchObject([{ id: 'a:1' }]);
      expect(await other.journals.read('s', 0)).toMatchObject({ entries: ['x'] });
      expect((await other.limits.reserve([claim])).kind).toBe('refused');

      expect((await elsewhere.loads.read()).workers).toEqual([]);
      expect(await elsewhere.journals.read('s', 0)).toEqual({ kind: 'unknown' });
      expect((await elsewhere.limits.reserve([claim])).kind).toBe('granted');
      await Promise.all([one, other, elsewhere].map((store) => store.close()));
    });

    loadStoreContract(name, open);
    limitStoreContract(name, open);
    journalStoreContract(name, open);
    responseStoreContract(name, open);
  });
}
