import os from 'node:os';
import { type BenchFlag, type BenchValues, wholeNumber } from '../benchmark.js';
import { modelFile } from '../io/model-file.js';
import type { Progress } from '../io/progress.js';
import type { ModelWishes } from './measure.js';

/** Of benchmarks that run a model in their own process. */
export const modelFlags = {
  model: { value: 'NAME', description: 'model: a GGUF file, org/repo[:file], or a short name (default: the default)' },
  weights: { value: 'KIND', description: 'auto, w8a8, q8, q4 or f32 (default auto, as in sluice up)' },
  kernels: { value: 'KIND', description: 'auto, own or runtime (default auto, as in sluice up)' },
  kv: { value: 'KIND', description: 'keys and values: auto, f32, f16 or q8 (default auto)' },
  threads: { value: 'N', description: 'threads of a pass, 1 to 1024 (default: the cores there are)' },
} satisfies Record<string, BenchFlag>;

/** The file of `--model`, fetched where it is not there yet. */
export function modelOf({ model }: BenchValues, progress: Progress): Promise<string> {
  return modelFile(typeof model === 'string' ? model : undefined, progress);
}

/** What flags say beside the name. @throws BenchUsageError as {@link threadsOf}. */
export function wishesOf(values: BenchValues): ModelWishes {
  const text = (flag: string): string | undefined => (typeof values[flag] === 'string' ? values[flag] : undefined);
  return {
    threads: threadsOf(values),
    weights: text('weights'),
    kernels: text('kernels'),
    kv: text('kv'),
    executors: text('executors'),
  };
}

/** @throws BenchUsageError for `--threads` out of its range. */
export function threadsOf({ threads }: BenchValues): number {
  return wholeNumber('threads', String(threads ?? os.availableParallelism()), 1, 1024);
}
