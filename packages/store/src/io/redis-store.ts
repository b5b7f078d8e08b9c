import { assert, type Clock, createLog, type Logger, systemClock } from '@sluice/shared';
import { fleetKeys, fleetNamePattern } from '../fleet-keys.js';
import type { FleetStore } from '../fleet-store.js';
import { defaultJournalLimits, type JournalLimits } from '../journal-store.js';
import { memberExpireMs } from '../load-store.js';
import type { RedisTarget } from '../redis-url.js';
import { defaultResponseLimits, type ResponseLimits } from '../response-store.js';
import { RedisJournalStore } from './redis-journal-store.js';
import { RedisLimitStore } from './redis-limit-store.js';
import { RedisLink } from './redis-link.js';
import { RedisLoadStore } from './redis-load-store.js';
import { RedisResponseStore } from './redis-response-store.js';

export interface RedisStoreOptions {
  /** See parseRedisUrl. */
  readonly target: RedisTarget;
  /** Fleets of different names share a Redis without seeing each other. Matches {@link fleetNamePattern}. */
  readonly fleet: string;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly journal?: Partial<JournalLimits>;
  readonly response?: Partial<ResponseLimits>;
  /** Milliseconds that a member stays without being announced. Default 2,000. */
  readonly memberExpireMs?: number;
  /** Milliseconds that a command may take. Default 250. */
  readonly commandMs?: number;
  /** Commands that may be under way at once; more are dropped. Default 4,096. */
  readonly commandsMax?: number;
}

/**
 * What a fleet shares, in Redis 7: single, behind sentinels or a cluster. Returns at once; Redis need not be there.
 * @throws Error when the file of certificates cannot be read.
 */
export function openRedisStore(options: RedisStoreOptions): FleetStore {
  const { target, fleet, clock = systemClock({ unref: true }), log = createLog('store') } = options;
  assert(fleetNamePattern.test(fleet), `fleet name ${JSON.stringify(fleet)}`);
  const keys = fleetKeys(fleet);
  const linkOptions = {
    commandMs: options.commandMs ?? 250,
    commandsMax: options.commandsMax ?? 4_096,
    probeKey: keys.probe,
  };
  const link = new RedisLink(target, linkOptions, clock, log);
  return {
    loads: new RedisLoadStore(link, keys, options.memberExpireMs ?? memberExpireMs, clock),
    limits: new RedisLimitStore(link, keys, clock),
    journals: new RedisJournalStore(link, keys, { ...defaultJournalLimits, ...options.journal }),
    responses: new RedisResponseStore(link, keys, { ...defaultResponseLimits, ...options.response }),
    get status() {
      return link.status;
    },
    close: () => link.close(),
  };
}
