import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FleetStore } from './fleet-store.js';
import type { LoadStore } from './load-store.js';
import { gateway, worker } from './test-support/records.js';
import type { StoreUnderTest } from './test-support/store-under-test.js';

/** What every LoadStore promises. Members expire after 300 ms in it. */
export function loadStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name}, as a LoadStore`, () => {
    let subject: StoreUnderTest;
    let store: FleetStore;
    let loads: LoadStore;

    beforeEach(async () => {
      subject = await open();
      store = subject.store;
      loads = store.loads;
    });

    afterEach(() => store?.close());

    it('begins with nobody', async () => {
      expect(await loads.read()).toMatchObject({ workers: [], gateways: [] });
    });

    it('gives back what members said, ordered by id, workers and gateways apart', async () => {
      await loads.putWorker(worker('b:1', { load: { running: 3, stepMs: 12.5, state: 'draining' } }));
      await loads.putWorker(worker('a:1'));
      await loads.putGateway(gateway('g'));
      const { workers, gateways, ageMs } = await loads.read();
      expect(workers.map(({ heardAgoMs, ...rest }) => rest)).toEqual([
        worker('a:1'),
        worker('b:1', { load: { running: 3, stepMs: 12.5, state: 'draining' } }),
      ]);
      expect(gateways).toMatchObject([gateway('g')]);
      expect(ageMs).toBeLessThan(300);
      expect(workers[0]?.heardAgoMs).toBeLessThan(300);
    });

    it('keeps the last of what a member said', async () => {
      await loads.putWorker(worker('a:1', { load: { running: 1 } }));
      await loads.putWorker(worker('a:1', { load: { running: 2 } }));
      expect((await loads.read()).workers).toMatchObject([{ load: { running: 2 } }]);
    });

    it('forgets a member that says nothing any more, and not one that does', async () => {
      await loads.putWorker(worker('quiet:1'));
      await loads.putGateway(gateway('quiet'));
      await subject.pass(200);
      await loads.putWorker(worker('loud:1'));
      await subject.pass(200);
      const view = await loads.read();
      expect(view.workers.map(({ id }) => id)).not.toContain('quiet:1');
      expect(view.gateways).toEqual([]);
    });

    it('takes a member out that leaves', async () => {
      await loads.putWorker(worker('a:1'));
      await loads.putGateway(gateway('g'));
      expect(await loads.removeWorker('a:1', 'epoch-1')).toBe(true);
      expect(await loads.removeGateway('g', 'epoch-1')).toBe(true);
      expect(await loads.read()).toMatchObject({ workers: [], gateways: [] });
    });

    it('does not let an old process take out the one that took its place', async () => {
      await loads.putWorker(worker('a:1', { epoch: 'epoch-2' }));
      expect(await loads.removeWorker('a:1', 'epoch-1')).toBe(false);
      expect((await loads.read()).workers).toHaveLength(1);
    });

    it('takes out nobody who is not there', async () => {
      expect(await loads.removeWorker('nobody', 'epoch-1')).toBe(false);
    });
  });
}
