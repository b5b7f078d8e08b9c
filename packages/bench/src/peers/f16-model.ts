import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { runCommand } from '../io/command.js';
import type { Progress } from '../io/progress.js';
import type { LlamaCpp } from './llama-cpp-build.js';

/**
 * The same model with all its matrices in 16-bit floats, made by llama.cpp at the first call: its CPU kernels for them
 * are its fastest for prompts on many machines. Kept in the cache under the name, size and time of the original.
 * @throws Error with the end of llama.cpp's output when it cannot convert the model.
 */
export async function f16Model(
  modelFile: string,
  llamaCpp: LlamaCpp,
  cacheFolder: string,
  progress: Progress,
): Promise<string> {
  const { size, mtimeMs } = statSync(modelFile);
  const folder = path.join(cacheFolder, 'peers', 'models');
  const target = path.join(folder, `${path.basename(modelFile, '.gguf')}-${size}-${Math.round(mtimeMs)}-f16.gguf`);
  if (existsSync(target)) return target;
  progress.stage(`llama.cpp: converting ${path.basename(modelFile)} to f16`);
  mkdirSync(folder, { recursive: true });
  const unfinished = `${target}.${process.pid}.part`;
  try {
    await runCommand(llamaCpp.quantizeFile, ['--allow-requantize', modelFile, unfinished, 'F16'], {
      onLine: progress.detail,
    });
    renameSync(unfinished, target);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return target;
}
