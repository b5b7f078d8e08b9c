import type { Clock } from '@sluice/shared';
import type { FleetStore } from './fleet-store.js';
import type { JournalLimits } from './journal-store.js';
import { memberExpireMs } from './load-store.js';
import { MemoryJournalStore } from './memory-journal-store.js';
import { MemoryLimitStore } from './memory-limit-store.js';
import { MemoryLoadStore } from './memory-load-store.js';
import { MemoryResponseStore } from './memory-response-store.js';
import type { ResponseLimits } from './response-store.js';

export interface MemoryStoreOptions {
  readonly journal?: Partial<JournalLimits>;
  readonly response?: Partial<ResponseLimits>;
  /** Milliseconds that a member stays without being announced. Default 2,000. */
  readonly memberExpireMs?: number;
}

/** What a fleet of one process shares. It is always there, and gone with the process. */
export function memoryStore(clock: Clock, options: MemoryStoreOptions = {}): FleetStore {
  const startMs = clock.nowMs();
  return {
    loads: new MemoryLoadStore(clock, options.memberExpireMs ?? memberExpireMs),
    limits: new MemoryLimitStore(clock),
    journals: new MemoryJournalStore(clock, options.journal),
    responses: new MemoryResponseStore(clock, options.response),
    get status() {
      return { isReachable: true, sinceMs: clock.nowMs() - startMs, errors: 0 };
    },
    close: async () => {},
  };
}
