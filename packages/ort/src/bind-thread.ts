import { openLibrary } from './library.js';

/** Bytes of the system's set of processors: 1,024 of them. */
const SET_BYTES = 128;

/**
 * Has the calling thread run on these processors alone. Where the system refuses, because they are not there or not
 * allowed, and on systems other than Linux the thread stays as it is.
 * @param processors by the system's numbers, from 0.
 * @returns whether it is bound.
 */
export function bindThread(processors: readonly number[]): boolean {
  if (process.platform !== 'linux') return false;
  const set = new Uint8Array(SET_BYTES);
  for (const processor of processors) {
    if (!(processor >= 0 && processor < 8 * SET_BYTES)) return false;
    set[processor >> 3]! |= 1 << (processor & 7);
  }
  const call = openLibrary(null).func('sched_setaffinity', 'int', ['int', 'size_t', 'void *']);
  return call(0, SET_BYTES, set) === 0;
}
