import type { JournalStore } from './journal-store.js';
import type { LimitStore } from './limit-store.js';
import type { LoadStore } from './load-store.js';
import type { ResponseStore } from './response-store.js';

/** Whether a store can be used, for gauges and dashboards. */
export interface StoreStatus {
  readonly isReachable: boolean;
  /** Milliseconds that it has been so. */
  readonly sinceMs: number;
  /** Commands that failed or were dropped, and values that could not be read, since the start. */
  readonly errors: number;
}

/** All that a fleet shares, on one connection. */
export interface FleetStore {
  readonly loads: LoadStore;
  readonly limits: LimitStore;
  readonly journals: JournalStore;
  readonly responses: ResponseStore;
  readonly status: StoreStatus;
  close(): Promise<void>;
}
