/** How threads are shared out among executors that run side by side. */
export interface NarrowExecutors {
  /** 0: there is nothing to share. */
  readonly count: number;
  /** Threads of each. */
  readonly threads: number;
}

/** @param wanted how many, where somebody says so; at most as many as threads. */
export function narrowExecutors(threads: number, wanted = threads): NarrowExecutors {
  const count = Math.min(wanted, threads);
  return count < 2 ? { count: 0, threads: 0 } : { count, threads: Math.floor(threads / count) };
}
