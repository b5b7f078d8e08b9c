import { cacheFolder, seededRng } from '@sluice/shared';
import {
  CHUNK_COUNTS,
  chooseKernels,
  chooseWeights,
  createTokenizer,
  DECODE_COUNTS,
  executorModes,
  fittingKernels,
  type GgufFile,
  hasByteProducts,
  type KernelChoice,
  type KernelWish,
  type KvMode,
  type KvWish,
  kernelWishes,
  kvFor,
  kvWishes,
  LaneModel,
  type LaneModelOptions,
  openCompiled,
  openGguf,
  readGgufTokenizer,
  type StepPlan,
  type Tokenizer,
  type WeightMode,
  type WeightWish,
  weightModes,
} from '@sluice/worker';
import { type BenchResult, BenchUsageError } from '../benchmark.js';
import { benchSizes, CONTEXT_TOKENS, type PassCase } from './engine-cases.js';

export interface PassResult extends BenchResult {
  readonly passMs: { readonly p50: number; readonly p99: number; readonly min: number };
  readonly totalTokensPerSecond: number;
  readonly sketchMs: number | null;
  /** P50 over the sketch's figure: below 1 is faster. */
  readonly ratioToSketch: number | null;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

export interface BenchModel {
  readonly model: LaneModel;
  readonly tokenizer: Tokenizer;
  readonly weights: WeightMode;
  readonly kernels: KernelChoice['kernels'];
  readonly kv: KvMode;
  close(): void;
}

/** What flags say of a model; what is left out is as in `sluice up`. */
export interface ModelWishes {
  readonly threads: number;
  readonly weights?: string | undefined;
  readonly kernels?: string | undefined;
  readonly kv?: string | undefined;
  readonly executors?: string | undefined;
}

/** How a model is to be computed; `auto` leaves it to model and machine. */
export interface FormWishes {
  readonly weights: WeightWish;
  readonly kernels: KernelWish;
  readonly kv: KvWish;
}

export type ModelSizes = Pick<LaneModelOptions, 'slots' | 'contextTokens' | 'stepTokensMax'>;

/** @throws BenchUsageError for weights, kernels, keys and values, or executors of an unknown name. */
export async function openModel(
  path: string,
  wishes: ModelWishes,
  sizes: ModelSizes = benchSizes,
): Promise<BenchModel> {
  const executors = named('executors', wishes.executors ?? 'auto', executorModes);
  const compiled = await compileModel(path, wishes);
  const model = new LaneModel(compiled.files, {
    ...sizes,
    ...compiled.library,
    threads: wishes.threads,
    executors,
    nowMs: () => performance.now(),
  });
  await model.openFirst();
  await model.openRest();
  return { ...compiled, model, close: () => model.close() };
}

/** The graphs of a model, compiled now or found, and its tokenizer. @throws BenchUsageError as {@link openModel}. */
export async function compileModel(path: string, { threads, ...wishes }: ModelWishes) {
  const form: FormWishes = {
    weights: named('weights', wishes.weights ?? 'auto', ['auto', ...weightModes]),
    kernels: named('kernels', wishes.kernels ?? 'auto', kernelWishes),
    kv: named('kv', wishes.kv ?? 'auto', kvWishes),
  };
  const file = await openGguf(path);
  try {
    const graphs = { chunkCounts: CHUNK_COUNTS, decodeCounts: DECODE_COUNTS, cacheFolder: cacheFolder() };
    const { kernels, library, weights, kv } = await formFor(file, form, threads);
    const files = await openCompiled(file, { ...graphs, threads, weights, kernels, kv });
    const tokenizer = createTokenizer(readGgufTokenizer(file.metadata));
    return { files, library, weights, kernels, kv, tokenizer };
  } finally {
    await file.close();
  }
}

/**
 * As a worker chooses kernels, weights, and how keys and values are kept, and what a model of such kernels is opened with.
 * @throws ServingError 'model_unusable' for a wish that this machine cannot compute.
 */
export async function formFor(file: GgufFile, wishes: FormWishes, threads: number) {
  const cache = { cacheFolder: cacheFolder() };
  const { kernels, libraryPath } = await fittingKernels(wishes.kernels, file, wishes.kv, () =>
    chooseKernels(wishes.kernels, { ...cache, env: process.env }),
  );
  const library: Pick<LaneModelOptions, 'operatorLibrary'> =
    libraryPath === undefined ? {} : { operatorLibrary: libraryPath };
  const { weights } = await chooseWeights(file, wishes.weights, { ...cache, ...library, threads });
  return { kernels, library, weights, kv: kvFor(wishes.kv, kernels, weights, hasByteProducts()) };
}

function named<Name extends string>(flag: string, given: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === given);
  if (found === undefined) throw new BenchUsageError(`--${flag} ${given} must be ${names.join(', ')}`);
  return found;
}

export async function measurePass(model: LaneModel, one: PassCase, repeats: number): Promise<PassResult> {
  const plan = planOf(one, model.limits.vocabularyCount);
  const times: number[] = [];
  for (let i = -2; i < repeats; i++) {
    const startMs = performance.now();
    await model.forward(plan);
    if (i >= 0) times.push(performance.now() - startMs);
  }
  const { p50, p99 } = quantiles(times);
  const tokens = one.decodes + one.chunks.reduce((sum, chunk) => sum + chunk, 0);
  return {
    subject: one.subject,
    passMs: { p50, p99, min: Math.min(...times) },
    totalTokensPerSecond: (tokens * 1000) / p50,
    sketchMs: one.sketchMs ?? null,
    ratioToSketch: one.sketchMs === undefined ? null : p50 / one.sketchMs,
  };
}

/** The plan of a shape, with token ids that mean nothing. */
export function planOf({ decodes, chunks, sampled }: PassCase, vocabularyCount: number): StepPlan {
  const want = { temperatures: sampled ? [0.8] : [] };
  const rng = seededRng(2);
  const tokenIds = (count: number): number[] => Array.from({ length: count }, () => rng.below(vocabularyCount));
  return {
    decodes: tokenIds(decodes).map((tokenId, slot) => ({
      slot,
      tokenIds: [tokenId],
      position: CONTEXT_TOKENS,
      want,
      wantTokens: 1,
    })),
    chunks: chunks.map((count, index) => ({
      slot: benchSizes.slots - 1 - index,
      tokenIds: tokenIds(count),
      position: 0,
      want,
      wantTokens: 1,
    })),
    resting: [],
  };
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}
