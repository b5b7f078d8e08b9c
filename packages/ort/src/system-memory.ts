import { openLibrary } from './library.js';

export interface MemoryCalls {
  readonly mmap: (...args: unknown[]) => unknown;
  readonly munmap: (...args: unknown[]) => unknown;
  readonly madvise: (...args: unknown[]) => unknown;
  /** Bytes of a page. */
  readonly pageBytes: number;
}

/** Linux and macOS have the same number for it. */
export const MADV_DONTNEED = 4;

let calls: MemoryCalls | undefined;

/** The system's own calls for memory; not on Windows. */
export function memory(): MemoryCalls {
  if (calls === undefined) {
    const library = openLibrary(null);
    calls = {
      mmap: library.func('mmap', 'void *', ['void *', 'size_t', 'int', 'int', 'int', 'int64_t']),
      munmap: library.func('munmap', 'int', ['void *', 'size_t']),
      madvise: library.func('madvise', 'int', ['void *', 'size_t', 'int']),
      pageBytes: library.func('getpagesize', 'int', [])() as number,
    };
  }
  return calls;
}
