import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { architectureOf } from '../../model/architectures/architecture.js';
import type { DecoderConfig } from '../../model/architectures/config.js';
import { COMPILER_VERSION, compileModel } from '../../model/compile/compile.js';
import type { Kernels } from '../../model/compile/kernels.js';
import { hasSink, type KvMode } from '../../model/compile/kv-format.js';
import type { LaneCounts } from '../../model/compile/lanes-graph.js';
import type { WeightMode } from '../../model/compile/linear.js';
import type { WeightEntry } from '../../model/compile/weight-table.js';
import type { GgufFile } from '../../model/gguf/gguf-file.js';
import { calibrateModel } from './calibrate-model.js';
import { fileHash } from './file-hash.js';
import { writeWeights } from './write-weights.js';

/** A compiled model on disk. The folder is complete or not there: it is written beside and renamed. */
export interface CompiledFolder {
  readonly config: DecoderConfig;
  readonly weightMode: WeightMode;
  readonly kv: KvMode;
  readonly kernels: Kernels;
  /** As {@link sinkOf} says; without, a pass on the runtime's kernels has at most as many threads as the model has heads. */
  readonly hasSink: boolean;
  /** As `CompiledFiles` says. */
  readonly turnedNorm: readonly number[] | undefined;
  readonly weightsPath: string;
  readonly weights: readonly WeightEntry[];
  readonly graphs: readonly CompiledGraph[];
}

export interface CompiledGraph extends LaneCounts {
  readonly path: string;
}

export interface CompileOptions {
  readonly weights: WeightMode;
  /** How keys and values are kept; in 32-bit floats unless said otherwise. */
  readonly kv?: KvMode;
  /** Whose operators graphs have; the runtime's unless said otherwise. */
  readonly kernels?: Kernels;
  /** Most that compute a pass together; 1 unless said otherwise. */
  readonly threads?: number;
  /** Numbers of prefill lanes to have graphs for. */
  readonly chunkCounts: readonly number[];
  /** Numbers of decode lanes, above one, to have graphs for that have no prefill lanes; absent: none. */
  readonly decodeCounts?: readonly number[];
  readonly cacheFolder: string;
  /** Called while a model is compiled, not when it is found; 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

type FullOptions = CompileOptions & Required<Pick<CompileOptions, 'kv' | 'kernels' | 'threads' | 'decodeCounts'>>;

/** manifest.json of a compiled folder. */
interface Manifest {
  readonly config: DecoderConfig;
  readonly weightMode: WeightMode;
  readonly kv: KvMode;
  readonly kernels: Kernels;
  readonly hasSink: boolean;
  readonly turnedNorm?: readonly number[];
  readonly weightsFile: string;
  readonly weights: readonly WeightEntry[];
  readonly graphs: readonly (LaneCounts & { readonly file: string; readonly bytes: number })[];
}

/**
 * The compiled form of a GGUF file, from the cache or made now. The cache's key is the hash of the file, the options
 * and the compiler's version, so nothing stale is ever found.
 * @throws ServingError 'model_unusable' as {@link compileModel}; an error of the file system, naming the path.
 */
export async function openCompiled(file: GgufFile, wishes: CompileOptions): Promise<CompiledFolder> {
  const options = {
    ...wishes,
    kv: wishes.kv ?? 'f32',
    kernels: wishes.kernels ?? 'runtime',
    threads: wishes.threads ?? 1,
    decodeCounts: wishes.decodeCounts ?? [],
  };
  const parts = [
    await fileHash(file.path, options.cacheFolder),
    COMPILER_VERSION,
    options.weights,
    options.kv,
    options.kernels,
    sinkOf(options, await architectureOf(file).readConfig(file)),
    options.chunkCounts,
    options.decodeCounts,
  ];
  const key = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  const parent = path.join(options.cacheFolder, 'compiled');
  const folder = path.join(parent, key);
  const found = await readFolder(folder);
  if (found !== undefined) return found;

  await mkdir(parent, { recursive: true });
  await removeLeftovers(parent);
  const temporary = path.join(parent, `${key}.${process.pid}.${randomUUID().slice(0, 8)}.tmp`);
  try {
    await writeFolder(temporary, file, options);
    await install(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  const made = await readFolder(folder);
  if (made === undefined) throw new Error(`${folder}: the compiled model cannot be read back`);
  return made;
}

/** Own kernels need no sink: what a row gets never depends on its neighbours. */
function sinkOf(
  { kernels, kv, threads }: Pick<FullOptions, 'kernels' | 'kv' | 'threads'>,
  config: DecoderConfig,
): boolean {
  return kernels === 'runtime' && hasSink(kv, config, threads);
}

/** Puts a new folder into its place. Where another process was faster its folder stays: it may be in use by now. */
async function install(temporary: string, folder: string): Promise<void> {
  try {
    await rename(temporary, folder);
  } catch {
    if ((await readFolder(folder)) !== undefined) return;
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  }
}

async function writeFolder(folder: string, file: GgufFile, options: FullOptions): Promise<void> {
  const progress = options.onProgress ?? (() => {});
  const isCalibrated = options.weights === 'w8a8' || (options.kv === 'q8' && options.kernels === 'runtime');
  const writtenFrom = isCalibrated ? CALIBRATED : 0;
  const calibration = isCalibrated
    ? await calibrateModel(file, options.weights, path.dirname(folder), (done) => progress(CALIBRATED * done))
    : undefined;
  const compiled = await compileModel(file, { ...options, ...(calibration === undefined ? {} : { calibration }) });
  await mkdir(folder);
  await writeWeights(compiled.weights, path.join(folder, compiled.weights.file), true, (done) =>
    progress(writtenFrom + (1 - writtenFrom) * done),
  );
  const graphs = [];
  for (const { chunks, decodeTokens, onnx } of compiled.graphs) {
    const name = `hybrid-${chunks}-${decodeTokens}.onnx`;
    await writeFile(path.join(folder, name), onnx);
    graphs.push({ chunks, decodeTokens, file: name, bytes: onnx.length });
  }
  const { config, turnedNorm, weights } = compiled;
  const manifest: Manifest = {
    config,
    weightMode: options.weights,
    kv: options.kv,
    kernels: options.kernels,
    hasSink: sinkOf(options, config),
    ...(turnedNorm === undefined ? {} : { turnedNorm: [...turnedNorm] }),
    weightsFile: weights.file,
    weights: weights.entries,
    graphs,
  };
  await writeFile(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
}

/** Share of the work that is done when a text was run through the model. */
const CALIBRATED = 0.4;

/** Undefined when the folder is not there, or not whole: then it is made again. */
async function readFolder(folder: string): Promise<CompiledFolder | undefined> {
  try {
    const manifest: Manifest = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8'));
    const weightsPath = path.join(folder, manifest.weightsFile);
    const last = manifest.weights.at(-1);
    if (last === undefined || (await stat(weightsPath)).size < last.offset + last.bytes) return undefined;
    const graphs: CompiledGraph[] = [];
    for (const { chunks, decodeTokens, file, bytes } of manifest.graphs) {
      const graphPath = path.join(folder, file);
      if ((await stat(graphPath)).size !== bytes) return undefined;
      graphs.push({ chunks, decodeTokens, path: graphPath });
    }
    const { config, weightMode, kv, kernels, hasSink, turnedNorm, weights } = manifest;
    return { config, weightMode, kv, kernels, hasSink, turnedNorm, weightsPath, weights, graphs };
  } catch {
    return undefined;
  }
}

/** Temporary folders of processes that no longer run. */
async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = /\.(\d+)\.[0-9a-f]+\.tmp$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (failure) {
    // A process of somebody else answers EPERM: it is there.
    return (failure as NodeJS.ErrnoException).code === 'EPERM';
  }
}
