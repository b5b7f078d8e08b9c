import { setTimeout as wait } from 'node:timers/promises';
import { createLog } from '@sluice/shared';
import type { FleetStore } from '../fleet-store.js';
import { openRedisStore, type RedisStoreOptions } from '../io/redis-store.js';
import { parseRedisUrl } from '../redis-url.js';

type Options = Partial<Omit<RedisStoreOptions, 'target'>>;

const silentLog = createLog('store');
silentLog.level = 'silent';

/** A store that need not be reachable. */
export function openStore(url: string, options: Options = {}): FleetStore {
  return openRedisStore({ target: parseRedisUrl(url), fleet: 'test', log: silentLog, ...options });
}

/** A store, once Redis answers it. */
export async function openReachable(url: string, options: Options = {}): Promise<FleetStore> {
  // Machines that run many things at once are slow, and a test is not about that.
  const store = openStore(url, { commandMs: 2_000, ...options });
  await eventually('Redis to be reachable', () => store.status.isReachable);
  return store;
}

/** Looks until something is so. @throws Error that names it, after some 10 s. */
export async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; !(await isSo()); looks++) {
    if (looks > 1_000) throw new Error(`waited in vain for ${what}`);
    await wait(10);
  }
}
