import koffi from 'koffi';
import { type Api, bindApi, versionOf } from './api.js';
import { bundledLibraryPath, openLibrary } from './library.js';
import { OrtError } from './ort-error.js';
import { PrepackedWeights } from './prepacked-weights.js';
import { RunOptions, type RunSettings } from './run-options.js';
import { RunThread } from './run-thread.js';
import { type Kept, Session } from './session.js';
import { createNativeOptions, type LogLevel, logLevels, type SessionOptions } from './session-options.js';

/** The oldest release with every function used. A table only grows within a major version. */
const VERSION_MIN = [1, 24] as const;

const ARENA_ALLOCATOR = 1;
const DEFAULT_MEMORY = 0;

export interface RuntimeOptions {
  /** Default: the library inside the installed onnxruntime-node. */
  readonly libraryPath?: string;
  /** Least severe log line that is written to standard error; taken from the first load. Default 'warning'. */
  readonly logLevel?: LogLevel;
}

const runtimes = new Map<string, Runtime>();

/**
 * ONNX Runtime, loaded once per library path and kept for the life of the process. Throws `OrtError` (`not_loadable`)
 * when there is no library for this platform or it is of a version that cannot be used, naming found and wanted.
 */
export function loadRuntime(options: RuntimeOptions = {}): Runtime {
  const libraryPath = options.libraryPath ?? bundledLibraryPath();
  const known = runtimes.get(libraryPath);
  if (known !== undefined) return known;
  const library = openLibrary(libraryPath);
  const version = versionOf(library);
  requireVersion(version, libraryPath);
  const runtime = new Runtime(bindApi(library), libraryPath, version, options.logLevel ?? 'warning');
  runtimes.set(libraryPath, runtime);
  return runtime;
}

/** One loaded library with its environment. */
export class Runtime {
  /** Such as '1.30.0'. */
  readonly version: string;
  readonly #api: Api;
  readonly #libraryPath: string;
  readonly #environment: bigint;
  readonly #memoryInfo: bigint;
  readonly #allocator: bigint;
  #arenaShared = false;

  /** Use `loadRuntime()`. */
  constructor(api: Api, libraryPath: string, version: string, logLevel: LogLevel) {
    this.#api = api;
    this.#libraryPath = libraryPath;
    this.version = version;
    this.#environment = api.created((out) => api.CreateEnv(logLevels[logLevel], 'ort', out));
    this.#memoryInfo = api.created((out) => api.CreateCpuMemoryInfo(ARENA_ALLOCATOR, DEFAULT_MEMORY, out));
    this.#allocator = api.created((out) => api.GetAllocatorWithDefaultOptions(out));
  }

  /**
   * Reads, optimizes and prepacks a graph, given as a path or as the bytes of an ONNX file. Blocks the JS thread for as
   * long as that takes: seconds for large weights. Throws `OrtError` with the runtime's reason.
   */
  createSession(model: string | Uint8Array, options: SessionOptions = {}): Session {
    const native = this.#nativeOptions(options);
    try {
      return this.#session(
        this.#api.created((out) => this.#create(model, native, options.prepacked, out)),
        options,
      );
    } finally {
      this.#api.ReleaseSessionOptions(native);
    }
  }

  /**
   * The same on a libuv thread, for a graph in a file; the JS thread stays free. Keeps what the options name until it is
   * done. Rejects with what `createSession` throws.
   */
  async openSession(
    path: string,
    options: SessionOptions & { readonly prepacked: PrepackedWeights },
  ): Promise<Session> {
    const api = this.#api;
    const native = this.#nativeOptions(options);
    const kept = keptBy(options);
    for (const one of kept) one.hold();
    const out = new BigUint64Array(1);
    const settings = [this.#environment, path, native, options.prepacked.pointer, koffi.address(out)] as const;
    try {
      await new Promise<void>((resolve, reject) => {
        api.createSessionAsync(...settings, (error) => (error === undefined ? resolve() : reject(error)));
      });
      return this.#session(out[0]!, options);
    } finally {
      for (const one of kept) one.letGo();
      api.ReleaseSessionOptions(native);
    }
  }

  createPrepackedWeights(): PrepackedWeights {
    return new PrepackedWeights(this.#api);
  }

  /** @param processors that it runs on, by the system's numbers; where they cannot be had, on any. */
  createRunThread(processors: readonly number[]): RunThread {
    return new RunThread({ libraryPath: this.#libraryPath, processors });
  }

  createRunOptions(settings: RunSettings = {}): RunOptions {
    return new RunOptions(this.#api, settings);
  }

  /** Names of the execution providers that the library was built with, such as 'CPUExecutionProvider'. */
  availableProviders(): readonly string[] {
    const api = this.#api;
    const count = new Int32Array(1);
    const list = api.created((out) => api.GetAvailableProviders(out, koffi.address(count)));
    const names: bigint[] = koffi.decode(list, 'void *', count[0] as number);
    const providers = names.map((name) => koffi.decode.string(name));
    api.ReleaseAvailableProviders(list, count[0] as number);
    return providers;
  }

  #nativeOptions(options: SessionOptions): bigint {
    const shareCpuArena = (): void => this.#shareCpuArena();
    return createNativeOptions({ api: this.#api, memoryInfo: this.#memoryInfo, shareCpuArena }, options);
  }

  #session(session: bigint, options: SessionOptions): Session {
    const kept = keptBy(options);
    return new Session({ api: this.#api, memoryInfo: this.#memoryInfo, allocator: this.#allocator, session, kept });
  }

  #create(model: string | Uint8Array, options: bigint, prepacked: PrepackedWeights | undefined, out: bigint): void {
    const api = this.#api;
    const environment = this.#environment;
    if (typeof model === 'string') {
      if (prepacked === undefined) api.CreateSession(environment, model, options, out);
      else api.CreateSessionWithPrepackedWeightsContainer(environment, model, options, prepacked.pointer, out);
      return;
    }
    const bytes = koffi.address(model);
    if (prepacked === undefined) api.CreateSessionFromArray(environment, bytes, model.byteLength, options, out);
    else {
      api.CreateSessionFromArrayWithPrepackedWeightsContainer(
        environment,
        bytes,
        model.byteLength,
        options,
        prepacked.pointer,
        out,
      );
    }
  }

  #shareCpuArena(): void {
    if (this.#arenaShared) return;
    this.#api.CreateAndRegisterAllocator(this.#environment, this.#memoryInfo, null);
    this.#arenaShared = true;
  }
}

/** What a session reads for as long as it lives. */
function keptBy({ initializers, prepacked }: SessionOptions): readonly Kept[] {
  return [...(initializers?.values() ?? []), ...(prepacked === undefined ? [] : [prepacked])];
}

/** Throws `OrtError` (`not_loadable`), naming found and wanted, for a version that cannot be used. */
export function requireVersion(version: string, libraryPath: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major === VERSION_MIN[0] && minor >= VERSION_MIN[1]) return;
  throw new OrtError(
    'not_loadable',
    `${libraryPath} is ONNX Runtime ${version}, wanted is ${VERSION_MIN.join('.')} or a later ${VERSION_MIN[0]}.x`,
  );
}
