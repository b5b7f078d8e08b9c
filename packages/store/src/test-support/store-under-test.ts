import type { FleetStore } from '../fleet-store.js';

/** An empty store, and a way to let its time pass. */
export interface StoreUnderTest {
  readonly store: FleetStore;
  pass(ms: number): Promise<void>;
}

/** What the contract suites count on. */
export const contractOptions = {
  memberExpireMs: 300,
  journal: { streamBytesMax: 100, expireMs: 1_000 },
  response: { responseBytesMax: 60, bytesMax: 100, countMax: 3, expireMs: 1_000 },
} as const;
