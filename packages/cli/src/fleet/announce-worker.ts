import { type LoadState, systemClock } from '@sluice/shared';
import { Heartbeat, openRedisStore, type RedisTarget } from '@sluice/store';

/** What of a worker its fleet hears. */
export interface Announceable {
  readonly model: string;
  readonly epoch: string;
  load(): LoadState;
}

export interface Announced {
  /** Takes the worker out of the fleet; never rejects, and waits for Redis no longer than for one command. */
  leave(): Promise<void>;
}

/** Says again and again that a worker is there, and how loaded. Redis need not be there. */
export function announceWorker(redis: RedisTarget, fleet: string, address: string, worker: Announceable): Announced {
  const store = openRedisStore({ target: redis, fleet });
  const { model, epoch } = worker;
  const heartbeat = new Heartbeat({
    put: () => store.loads.putWorker({ id: address, address, model, epoch, load: worker.load() }),
    remove: () => store.loads.removeWorker(address, epoch),
    clock: systemClock({ unref: true }),
  });
  return {
    leave: async () => {
      await heartbeat.stop();
      await store.close();
    },
  };
}
