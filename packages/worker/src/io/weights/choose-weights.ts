import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ServingError } from '@sluice/shared';
import { COMPILER_VERSION } from '../../model/compile/compile.js';
import type { WeightMode } from '../../model/compile/linear.js';
import type { GgufFile } from '../../model/gguf/gguf-file.js';
import { addsInt8Exactly } from '../../model/int8-sums.js';
import { openCompiled } from '../compiled/compiled-folder.js';
import { fileHash } from '../compiled/file-hash.js';
import { measureWeights } from './measure-weights.js';

/** A weight mode, or the one that serves this model best on this machine. */
export type WeightWish = WeightMode | 'auto';

export interface WeightChoice {
  readonly weights: WeightMode;
  /** For the log: why. */
  readonly reason: string;
}

export interface ChooseOptions {
  readonly threads: number;
  /** Numbers of prefill lanes to have graphs for; the chosen model is compiled when this returns. */
  readonly chunkCounts: readonly number[];
  /** And numbers of decode lanes; see CompileOptions. */
  readonly decodeCounts?: readonly number[];
  readonly cacheFolder: string;
  /** Called while models are compiled and measured, not when the choice is known; 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** How much less time w8a8 must take; below it, 8-bit blocks are closer to the model. */
const WORTHWHILE_RATIO = 0.97;
/** Share of the work that is done when both models are compiled. */
const COMPILED = 0.8;

/**
 * What `auto` means here: w8a8 where the processor computes it exactly and faster than 8-bit blocks, else q8. Measured
 * at the first start with a model and remembered in the cache folder, for this processor and number of threads.
 * @throws ServingError 'model_unusable' for a wish that this machine cannot compute.
 */
export async function chooseWeights(file: GgufFile, wish: WeightWish, options: ChooseOptions): Promise<WeightChoice> {
  if (wish !== 'auto' && wish !== 'w8a8') return { weights: wish, reason: 'asked for' };
  const isExact = addsInt8Exactly();
  if (wish === 'w8a8') {
    if (isExact) return { weights: wish, reason: 'asked for' };
    throw new ServingError(
      'model_unusable',
      'weights w8a8 need a processor with 8-bit dot products (AVX-512 VNNI, AVX-VNNI, or ARM), which this one has not; use q8',
    );
  }
  if (!isExact) return { weights: 'q8', reason: 'this processor has no exact 8-bit dot product' };
  const memo = await memoPath(file, options);
  const known = await readChoice(memo);
  if (known !== undefined) return known;
  const choice = await measuredChoice(file, options);
  await mkdir(path.dirname(memo), { recursive: true });
  const temporary = `${memo}.${process.pid}.tmp`;
  await writeFile(temporary, JSON.stringify(choice));
  await rename(temporary, memo);
  return choice;
}

async function measuredChoice(file: GgufFile, options: ChooseOptions): Promise<WeightChoice> {
  const { chunkCounts, decodeCounts = [], cacheFolder, threads, onProgress = () => {} } = options;
  const compile = (weights: WeightMode, from: number) =>
    openCompiled(file, {
      weights,
      chunkCounts,
      decodeCounts,
      cacheFolder,
      onProgress: (fraction) => onProgress(from + (COMPILED / 2) * fraction),
    });
  const compiled = [await compile('q8', 0), await compile('w8a8', COMPILED / 2)];
  onProgress(COMPILED);
  const [blocks, int8] = await measureWeights(compiled, threads);
  onProgress(1);
  const ratio = (int8!.decodeMs + int8!.promptMs) / (blocks!.decodeMs + blocks!.promptMs);
  const measured =
    `w8a8 takes ${ratio.toFixed(2)} of the time of q8 ` +
    `(16 decodes ${int8!.decodeMs.toFixed(1)} against ${blocks!.decodeMs.toFixed(1)} ms, ` +
    `64 prompt tokens ${int8!.promptMs.toFixed(1)} against ${blocks!.promptMs.toFixed(1)} ms)`;
  return { weights: ratio < WORTHWHILE_RATIO ? 'w8a8' : 'q8', reason: measured };
}

/** What the choice depends on. */
async function memoPath(file: GgufFile, { threads, cacheFolder }: ChooseOptions): Promise<string> {
  const processor = os.cpus()[0]?.model ?? 'unknown';
  const parts = [
    await fileHash(file.path, cacheFolder),
    COMPILER_VERSION,
    os.platform(),
    os.arch(),
    processor,
    threads,
  ];
  const key = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  return path.join(cacheFolder, 'weight-choices', `${key}.json`);
}

/** Undefined where nothing was measured yet, or cannot be read. */
async function readChoice(memo: string): Promise<WeightChoice | undefined> {
  try {
    const { weights, reason }: Partial<Record<keyof WeightChoice, unknown>> = JSON.parse(await readFile(memo, 'utf8'));
    if ((weights !== 'w8a8' && weights !== 'q8') || typeof reason !== 'string') return undefined;
    return { weights, reason: `${reason}, measured before` };
  } catch {
    return undefined;
  }
}
