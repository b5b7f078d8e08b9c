import { statSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '@sluice/shared';
import type { FetchProgress } from '@sluice/worker';
import type { Progress } from './progress.js';

/** The model that `sluice up` serves unless it is told otherwise. */
const defaultModel = 'smollm2-135m';

/**
 * The GGUF file of a model, fetched if it is not here, so that all subjects serve the same file.
 * @throws ServingError that says what was tried, when it cannot be had.
 */
export async function modelFile(model: string = defaultModel, progress: Progress): Promise<string> {
  if (statSync(model, { throwIfNoEntry: false })?.isFile()) return path.resolve(model);
  progress.stage(`model ${model}: looking it up`);
  // Loaded only for this: the worker's package brings ONNX Runtime, which the load generator has no use for.
  const { resolveModel } = await import('@sluice/worker');
  const onProgress = ({ phase, bytesDone, bytesTotal }: FetchProgress): void =>
    progress.detail(`${phase} ${megabytes(bytesDone)}${bytesTotal ? ` of ${megabytes(bytesTotal)}` : ''} MB`);
  const resolved = await resolveModel(model, { cacheFolder: cacheFolder(), env: process.env, onProgress });
  return resolved.path;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
