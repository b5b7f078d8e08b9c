import path from 'node:path';
import { ServingError } from '@sluice/shared';
import { architectureOf } from '../../model/architectures/architecture.js';
import { COMPILER_VERSION } from '../../model/compile/compile.js';
import type { WeightMode } from '../../model/compile/linear.js';
import type { GgufFile } from '../../model/gguf/gguf-file.js';
import { addsInt8Exactly } from '../../model/int8-sums.js';
import { fileHash } from '../compiled/file-hash.js';
import { memoPath, readMemo, writeMemo } from '../memo.js';
import { type MeasureOptions, measureWeights } from './measure-weights.js';

/** A weight mode, or the one that serves this model best on this machine. */
export type WeightWish = WeightMode | 'auto';

export interface WeightChoice {
  readonly weights: WeightMode;
  /** For the log: why. */
  readonly reason: string;
}

export interface ChooseOptions extends MeasureOptions {
  readonly cacheFolder: string;
}

/** How much less time the layers must take: attention's gain less than those that are measured. */
const WORTHWHILE_RATIO = 0.95;

/**
 * What `auto` means here: w8a8 where it is computed exactly, which own kernels do everywhere, and faster than 8-bit blocks,
 * else q8. Measured at the first start with a model and remembered in the cache folder, for this processor, number of threads
 * and kernels.
 * @throws ServingError 'model_unusable' for a wish that this machine cannot compute.
 */
export async function chooseWeights(file: GgufFile, wish: WeightWish, options: ChooseOptions): Promise<WeightChoice> {
  if (wish !== 'auto' && wish !== 'w8a8') return { weights: wish, reason: 'asked for' };
  const { operatorLibrary } = options;
  const isExact = operatorLibrary !== undefined || addsInt8Exactly();
  if (wish === 'w8a8') {
    if (isExact) return { weights: wish, reason: 'asked for' };
    throw new ServingError(
      'model_unusable',
      'weights w8a8 need own kernels or a processor with 8-bit dot products (AVX-512 VNNI, AVX-VNNI, or ARM), and there are neither; use q8',
    );
  }
  if (!isExact)
    return { weights: 'q8', reason: "the runtime's kernels add no 8-bit products exactly on this processor" };
  const place = { cacheFolder: options.cacheFolder, folder: 'weight-choices' };
  const parts = [await fileHash(file.path, options.cacheFolder), COMPILER_VERSION, operatorLibrary ?? 'runtime'];
  const memo = memoPath(place, parts, options.threads);
  const known = await readChoice(memo);
  if (known !== undefined) return known;
  const choice = await measuredChoice(file, options);
  await writeMemo(memo, choice);
  return choice;
}

async function measuredChoice(file: GgufFile, options: ChooseOptions): Promise<WeightChoice> {
  const config = await architectureOf(file).readConfig(file);
  // Where what dead processes left behind is removed.
  const folder = path.join(options.cacheFolder, 'compiled');
  const [blocks, int8] = await measureWeights(config, ['q8', 'w8a8'], options, folder);
  const kernels = options.operatorLibrary === undefined ? "the runtime's" : 'own';
  const ratio = (int8!.decodeMs + int8!.promptMs) / (blocks!.decodeMs + blocks!.promptMs);
  const measured =
    `layers in w8a8 take ${ratio.toFixed(2)} of their time in q8 on ${kernels} kernels ` +
    `(16 decodes ${int8!.decodeMs.toFixed(2)} against ${blocks!.decodeMs.toFixed(2)} ms, ` +
    `64 prompt tokens ${int8!.promptMs.toFixed(2)} against ${blocks!.promptMs.toFixed(2)} ms)`;
  return { weights: ratio < WORTHWHILE_RATIO ? 'w8a8' : 'q8', reason: measured };
}

/** Undefined where nothing was measured yet, or cannot be read. */
async function readChoice(memo: string): Promise<WeightChoice | undefined> {
  try {
    const known = await readMemo(memo);
    if (typeof known !== 'object' || known === null) return undefined;
    const { weights, reason }: Partial<Record<keyof WeightChoice, unknown>> = known;
    if ((weights !== 'w8a8' && weights !== 'q8') || typeof reason !== 'string') return undefined;
    return { weights, reason: `${reason}, measured before` };
  } catch {
    return undefined;
  }
}
