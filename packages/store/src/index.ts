export { fleetNamePattern } from './fleet-keys.js';
export type { FleetStore, StoreStatus } from './fleet-store.js';
export { FleetWatch, type FleetWatchParts } from './fleet-watch.js';
export { Heartbeat, type HeartbeatParts } from './heartbeat.js';
export { openRedisStore, type RedisStoreOptions } from './io/redis-store.js';
export {
  defaultJournalLimits,
  type JournalAddition,
  type JournalAppend,
  type JournalLimits,
  type JournalRead,
  type JournalSlice,
  type JournalStore,
  type JournalTake,
} from './journal-store.js';
export {
  claimsMax,
  type LimitAnswer,
  type LimitClaim,
  type LimitLevel,
  type LimitSettlement,
  type LimitStore,
} from './limit-store.js';
export {
  type FleetView,
  type GatewayRecord,
  heartbeatMs,
  type Known,
  type LoadStore,
  memberExpireMs,
  membersMax,
  type WorkerRecord,
} from './load-store.js';
export { type MemoryStoreOptions, memoryStore } from './memory-store.js';
export { parseRedisUrl, type RedisTarget } from './redis-url.js';
export {
  defaultResponseLimits,
  type ResponseLimits,
  type ResponsePut,
  type ResponseRead,
  type ResponseRemove,
  type ResponseStore,
  type ResponseUsage,
} from './response-store.js';
