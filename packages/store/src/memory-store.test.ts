import { journalStoreContract } from './journal-store.contract.js';
import { limitStoreContract } from './limit-store.contract.js';
import { loadStoreContract } from './load-store.contract.js';
import { memoryStore } from './memory-store.js';
import { responseStoreContract } from './response-store.contract.js';
import { PassingClock } from './test-support/passing-clock.js';
import { contractOptions, type StoreUnderTest } from './test-support/store-under-test.js';

async function open(): Promise<StoreUnderTest> {
  const clock = new PassingClock();
  return { store: memoryStore(clock, contractOptions), pass: async (ms) => clock.pass(ms) };
}

loadStoreContract('The store in memory', open);
limitStoreContract('The store in memory', open);
journalStoreContract('The store in memory', open);
responseStoreContract('The store in memory', open);
