import {
  loadRuntime,
  type MappedFile,
  mapFile,
  OrtError,
  type PrepackedWeights,
  type Runtime,
  type Session,
  Tensor,
} from '@sluice/ort';
import type { WeightEntry } from './compile/weight-table.js';

/** As of `LaneModelOptions`. */
export interface GraphSessionsOptions {
  readonly operatorLibrary?: string;
  readonly profilePrefix?: string;
}

/**
 * The native sessions of a model's graphs, each opened when it is first asked for and not on the JS thread: some 0.15 to
 * 0.4 s, most of which goes into weights in the kernels' layout. All are over one mapped copy of the weights and one
 * prepacked copy.
 */
export class GraphSessions {
  readonly #runtime: Runtime = loadRuntime();
  readonly #mapped: MappedFile;
  readonly #initializers: ReadonlyMap<string, Tensor>;
  readonly #prepacked: PrepackedWeights;
  readonly #options: GraphSessionsOptions;
  readonly #opening = new Map<string, Promise<Session>>();
  readonly #open = new Set<Session>();
  #isClosed = false;

  constructor(weightsPath: string, weights: readonly WeightEntry[], options: GraphSessionsOptions) {
    const mapped = mapFile(weightsPath);
    this.#mapped = mapped;
    this.#initializers = new Map(
      weights.map(({ name, type, offset, shape }) => [name, Tensor.overMapped(mapped, offset, type, shape)]),
    );
    this.#prepacked = this.#runtime.createPrepackedWeights();
    this.#options = options;
  }

  /**
   * @param pool whose threads it has: sessions of another name are others. One thread is the caller's own, so that a session
   * of one thread may serve any number of callers at once.
   * @param processors of the pool's own threads, one each; empty: the system places them.
   * @throws (rejects) OrtError where the graph cannot be opened; the next call tries again.
   */
  session(graphPath: string, threads: number, pool: string, processors: readonly number[]): Promise<Session> {
    const key = keyOf(graphPath, threads, pool);
    let session = this.#opening.get(key);
    if (session === undefined) {
      session = this.#openGraph(graphPath, threads, processors);
      this.#opening.set(key, session);
      session.catch(() => this.#opening.delete(key));
    }
    return session;
  }

  /** Whether such a session is open or being opened. */
  has(...[graphPath, threads, pool]: Parameters<GraphSessions['session']>): boolean {
    return this.#opening.has(keyOf(graphPath, threads, pool));
  }

  /** From then on no session is to be had. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends what `profilePrefix` began; the paths of the files. */
  endProfiling(): string[] {
    return [...this.#open].map((session) => session.endProfiling());
  }

  /** Frees everything, where a session is being opened as soon as it is. */
  close(): void {
    this.#isClosed = true;
    for (const session of this.#open) session.dispose();
    this.#open.clear();
    const freePrepacked = (): void => this.#prepacked.dispose();
    Promise.allSettled(this.#opening.values()).then(freePrepacked, freePrepacked);
  }

  async #openGraph(graphPath: string, threads: number, processors: readonly number[]): Promise<Session> {
    if (this.#isClosed) throw new OrtError('disposed', 'the sessions of the model were closed');
    const { operatorLibrary, profilePrefix } = this.#options;
    const session = await this.#runtime.openSession(graphPath, {
      intraOpThreads: threads,
      initializers: this.#initializers,
      prepacked: this.#prepacked,
      cpuArena: 'shared',
      memoryPattern: false,
      // Each session has threads of its own. Those of the last pass's would go on spinning for some 10 ms, beside the next.
      entries: { 'session.force_spinning_stop': '1', ...affinities(processors) },
      ...(operatorLibrary === undefined ? {} : { operatorLibraries: [operatorLibrary] }),
      ...(profilePrefix === undefined ? {} : { profilePrefix }),
    });
    // Kernels that wanted another layout read their own copies from now on; what is read of the file itself comes back.
    this.#mapped.dropPages();
    if (this.#isClosed) session.dispose();
    else this.#open.add(session);
    return session;
  }
}

/** The runtime counts processors from 1. */
function affinities(processors: readonly number[]): Readonly<Record<string, string>> {
  if (processors.length === 0) return {};
  return { 'session.intra_op_thread_affinities': processors.map((processor) => processor + 1).join(';') };
}

function keyOf(graphPath: string, threads: number, pool: string): string {
  return `${pool} ${threads} ${graphPath}`;
}
