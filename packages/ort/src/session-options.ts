import koffi from 'koffi';
import type { Api } from './api.js';
import type { MappedFile } from './mapped-file.js';
import type { PrepackedWeights } from './prepacked-weights.js';
import type { Tensor } from './tensor.js';

/** Everything has the runtime's own default when left out. */
export interface SessionOptions {
  /** Threads inside an operator, the caller's included; 0 or left out: one per physical core. */
  readonly intraOpThreads?: number;
  /** Threads that run operators side by side; only with executionMode 'parallel'. */
  readonly interOpThreads?: number;
  /** Default 'sequential'. */
  readonly executionMode?: 'sequential' | 'parallel';
  /** Default 'all'. */
  readonly optimizationLevel?: 'none' | 'basic' | 'extended' | 'layout' | 'all';
  /** Whether idle threads of the pool spin before they sleep: sooner awake, but a core is busy. Default true. */
  readonly spinning?: boolean;
  /** Whether memory is planned from the shapes of earlier runs. Default true. Give false when shapes change each run. */
  readonly memoryPattern?: boolean;
  /** 'own' (default): an arena per session; 'shared': one for all sessions of the runtime; 'none': the system's malloc. */
  readonly cpuArena?: 'own' | 'shared' | 'none';
  /** Session configuration entries by the names of onnxruntime_session_options_config_keys.h. */
  readonly entries?: Readonly<Record<string, string>>;
  /**
   * Memory for initializers of the graph, by name, used where it lies: several sessions over one copy of weights. An
   * initializer whose data is in another file still needs that file in its place: the runtime looks whether it is there.
   */
  readonly initializers?: ReadonlyMap<string, Tensor>;
  /** Contents of external data files, by the names that the graph gives them; every session makes a copy of its own. */
  readonly externalFiles?: ReadonlyMap<string, Uint8Array | MappedFile>;
  /** Weights in the kernels' own layout, shared by sessions; takes effect for those given in `initializers`. */
  readonly prepacked?: PrepackedWeights;
  /**
   * Shared libraries with operators of other domains, by absolute paths; each exports `RegisterCustomOps` and was built
   * for this machine, whose C code then runs in this process. The runtime keeps them loaded as long as the session.
   */
  readonly operatorLibraries?: readonly string[];
  /** Execution providers in order of preference; the CPU is always behind them. */
  readonly providers?: readonly Provider[];
  /** Writes a profile of every run to `<prefix>_<time>.json`; see `Session.endProfiling`. */
  readonly profilePrefix?: string;
  /** Writes the optimized graph there. */
  readonly optimizedModelPath?: string;
  /** Default: that of the runtime. */
  readonly logLevel?: LogLevel;
  /** Stands in the runtime's log lines. */
  readonly logId?: string;
}

export interface Provider {
  /** Such as 'WebGPU', 'XNNPACK', 'CUDA'. */
  readonly name: string;
  readonly options?: Readonly<Record<string, string>>;
}

export const logLevels = { verbose: 0, info: 1, warning: 2, error: 3, fatal: 4 } as const;
export type LogLevel = keyof typeof logLevels;

const optimizationLevels = { none: 0, basic: 1, extended: 2, layout: 3, all: 99 } as const;

/** What the options need from the runtime. */
export interface OptionsContext {
  readonly api: Api;
  readonly memoryInfo: bigint;
  readonly shareCpuArena: () => void;
}

/** An OrtSessionOptions made of `options`; the caller releases it. Throws `OrtError` with nothing left behind. */
export function createNativeOptions(context: OptionsContext, options: SessionOptions): bigint {
  const { api } = context;
  const native = api.created((out) => api.CreateSessionOptions(out));
  try {
    applyThreads(api, native, options);
    applyMemory(context, native, options);
    applyWeights(context, native, options);
    applyFiles(api, native, options);
    for (const library of options.operatorLibraries ?? []) api.RegisterCustomOpsLibrary_V2(native, library);
    for (const { name, options: settings = {} } of options.providers ?? []) {
      const keys = Object.keys(settings);
      api.SessionOptionsAppendExecutionProvider(native, name, keys, Object.values(settings), keys.length);
    }
    for (const [key, value] of Object.entries(options.entries ?? {})) api.AddSessionConfigEntry(native, key, value);
    return native;
  } catch (thrown) {
    api.ReleaseSessionOptions(native);
    throw thrown;
  }
}

function applyThreads(api: Api, native: bigint, options: SessionOptions): void {
  if (options.intraOpThreads !== undefined) api.SetIntraOpNumThreads(native, options.intraOpThreads);
  if (options.interOpThreads !== undefined) api.SetInterOpNumThreads(native, options.interOpThreads);
  if (options.executionMode !== undefined) {
    api.SetSessionExecutionMode(native, options.executionMode === 'parallel' ? 1 : 0);
  }
  if (options.spinning !== undefined) {
    const value = options.spinning ? '1' : '0';
    api.AddSessionConfigEntry(native, 'session.intra_op.allow_spinning', value);
    api.AddSessionConfigEntry(native, 'session.inter_op.allow_spinning', value);
  }
}

function applyMemory({ api, shareCpuArena }: OptionsContext, native: bigint, options: SessionOptions): void {
  if (options.memoryPattern === true) api.EnableMemPattern(native);
  if (options.memoryPattern === false) api.DisableMemPattern(native);
  if (options.cpuArena === 'none') api.DisableCpuMemArena(native);
  if (options.cpuArena === 'shared') {
    shareCpuArena();
    api.AddSessionConfigEntry(native, 'session.use_env_allocators', '1');
  }
}

function applyWeights({ api, memoryInfo }: OptionsContext, native: bigint, options: SessionOptions): void {
  for (const [name, tensor] of options.initializers ?? []) {
    api.AddInitializer(native, name, tensor.valueFor(api, memoryInfo));
  }
  const files = [...(options.externalFiles ?? [])];
  if (files.length === 0) return;
  api.AddExternalInitializersFromFilesInMemory(
    native,
    files.map(([name]) => name),
    files.map(([, file]) => (file instanceof Uint8Array ? koffi.address(file) : file.address)),
    files.map(([, file]) => file.byteLength),
    files.length,
  );
}

function applyFiles(api: Api, native: bigint, options: SessionOptions): void {
  if (options.optimizationLevel !== undefined) {
    api.SetSessionGraphOptimizationLevel(native, optimizationLevels[options.optimizationLevel]);
  }
  if (options.profilePrefix !== undefined) api.EnableProfiling(native, options.profilePrefix);
  if (options.optimizedModelPath !== undefined) api.SetOptimizedModelFilePath(native, options.optimizedModelPath);
  if (options.logLevel !== undefined) api.SetSessionLogSeverityLevel(native, logLevels[options.logLevel]);
  if (options.logId !== undefined) api.SetSessionLogId(native, options.logId);
}
