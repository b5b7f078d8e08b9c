export { assert, BrokenAssertion, unreachable } from './assert.js';
export { BoundedQueue } from './bounded-queue.js';
export type { Clock } from './clock.js';
export { contextBound } from './context-bound.js';
export {
  asServingError,
  type ErrorCode,
  type ErrorRow,
  errorTable,
  isErrorCode,
  ServingError,
} from './errors.js';
export { Ewma } from './ewma.js';
export { cacheFolder } from './io/cache-folder.js';
export { controlGroupFolders, readIfThere } from './io/control-groups.js';
export { createLog, type LogDestination, type Logger, logJson } from './io/log.js';
export { systemClock } from './io/system-clock.js';
export type { LoadState } from './load.js';
export { type Rng, seededRng } from './rng.js';
