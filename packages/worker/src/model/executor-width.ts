import type { Kernels } from './compile/kernels.js';
import type { ExecutorMode } from './executor-choice.js';

/** How threads are shared out among executors that run side by side. */
export interface NarrowExecutors {
  /** 0: there is nothing to share. */
  readonly count: number;
  /** Threads of each. */
  readonly threads: number;
}

/** A pass that is shared out evenly. */
export interface EvenPass {
  /** Decodes, each behind 256 tokens. */
  readonly rows: number;
  /** Chunks of 64 tokens without context. */
  readonly chunks: number;
}

/** Loads by which executors are counted: few and many streams, few and many prompts that wait. */
const LOADS: readonly EvenPass[] = [
  { rows: 16, chunks: 0 },
  { rows: 64, chunks: 0 },
  { rows: 16, chunks: 4 },
  { rows: 16, chunks: 16 },
];

/**
 * Up to so many threads compute every pass with own kernels together. They meet ten times a layer and not fifty, and what they
 * are given is shared out evenly: two narrow executors gain 3 % at most. Layers of a small model have pieces for some more
 * threads, though not for many.
 */
const TOGETHER_THREADS_MAX = 4;

/** Who computes passes, where what is found to be quicker is known beforehand. */
export function executorsFor(wish: ExecutorMode, kernels: Kernels, threads: number): ExecutorMode {
  return wish === 'auto' && kernels === 'own' && threads <= TOGETHER_THREADS_MAX ? 'wide' : wish;
}

/**
 * How many narrow executors a worker has beside its wide one: as many as serve {@link LOADS} best where each pass takes the
 * quicker way, by {@link passMs}. One for each of a few threads; where there are many, executors of several threads, because
 * each reads all weights, and what is to be computed may not be enough for all.
 * @param wanted how many, where somebody says so; at most as many as threads.
 */
export function narrowExecutors(threads: number, wanted?: number): NarrowExecutors {
  let count = Math.min(wanted ?? 1, threads);
  if (wanted === undefined) {
    let best = Number.POSITIVE_INFINITY;
    for (let candidate = 2; candidate <= threads; candidate++) {
      const taken = slowness(candidate, threads);
      if (taken >= best) continue;
      best = taken;
      count = candidate;
    }
  }
  return count < 2 ? { count: 0, threads: 0 } : { count, threads: Math.floor(threads / count) };
}

/**
 * Milliseconds of a pass of a model of 135 million parameters in 8-bit blocks on executors side by side. The constants are
 * chosen for what two AVX-512 cores took (docs/log.md), from which this is 12 % away at most. More cores are taken to do
 * evenly what two do, but for a part of each row and token that no second thread makes quicker; to wait for each other behind
 * every operator for a time that grows with the logarithm of their number; and to share a memory of
 * {@link memoryBytesPerMs}.
 */
export function passMs({ rows, chunks }: EvenPass, executors: number, threads: number): number {
  const own = Math.max(1, Math.floor(threads / executors));
  const busy = Math.min(executors, rows + chunks);
  const ownChunks = Math.ceil(chunks / executors);
  // Executors without a chunk, or with one less, take more of the rows.
  const tokens = (rows * ROW.ms + chunks * CHUNK.ms) / Math.max(1, busy);
  const ownRows = Math.max(0, Math.ceil((tokens - ownChunks * CHUNK.ms) / ROW.ms));
  const shared = WEIGHTS.ms + ownRows * ROW.ms + ownChunks * CHUNK.ms;
  const alone = own === 1 ? 0 : ownRows * ROW.aloneMs + ownChunks * CHUNK.aloneMs + MEETINGS_MS * Math.log2(own);
  const bytes = busy * WEIGHTS.bytes + rows * ROW.bytes;
  return Math.max(shared / own + alone, bytes / memoryBytesPerMs(threads));
}

/** What one thread takes for the weights of a pass, whatever is computed with them. */
const WEIGHTS = { ms: 10, bytes: 143e6 };
/** What one thread takes, and the part that more threads do not make quicker. */
const ROW = { ms: 3.3, aloneMs: 0.25, bytes: 11.8e6 };
const CHUNK = { ms: 110, aloneMs: 4.5 };
/** Of two threads that wait for each other behind every operator of a pass. */
const MEETINGS_MS = 1.3;

/** 17 GB/s for each of a few cores, and 250 GB/s for 64. */
function memoryBytesPerMs(cores: number): number {
  return Math.min(17 * cores, 60 + 3 * cores) * 1e6;
}

/** Of all loads together, in no unit: the sum of the logarithms of the milliseconds that each takes, a chunk of its own. */
function slowness(executors: number, threads: number): number {
  return LOADS.reduce((sum, load) => sum + Math.log(loadMs(load, executors, threads)), 0);
}

/** Prompts that find no executor wait for the next pass; a wide pass has two of them at most. */
function loadMs({ rows, chunks }: EvenPass, executors: number, threads: number): number {
  const narrow = Math.min(chunks, executors);
  const wide = Math.min(chunks, 2);
  const each = (most: number, by: number): number => passMs({ rows, chunks: most }, by, threads) / Math.max(1, most);
  return Math.min(each(wide, 1), each(narrow, executors));
}
