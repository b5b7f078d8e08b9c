import type { ModelInfo } from '@sluice/proto';
import type { Worker } from './worker.js';

/** The workers that a gateway knows, attached or not. */
export interface WorkerSet {
  readonly workers: readonly Worker[];
  /** Models of workers that were taken out not long ago: away, not unknown. */
  readonly departedModels: readonly ModelInfo[];
  close(): void;
}

/** Workers named once, at the start. */
export function staticWorkerSet(workers: readonly Worker[]): WorkerSet {
  for (const worker of workers) worker.start();
  return {
    workers,
    departedModels: [],
    close: () => {
      for (const worker of workers) worker.close();
    },
  };
}

/**
 * The models that can be asked for, each once, by name, as the worker describes them that knows most. Those of lost workers
 * stay: they are away, not unknown.
 */
export function knownModels(set: WorkerSet): ReadonlyMap<string, ModelInfo> {
  const models = new Map<string, ModelInfo>();
  for (const model of [...set.workers.flatMap((worker) => worker.models), ...set.departedModels]) {
    const known = models.get(model.name);
    if (known === undefined || (known.vocabularyCount === 0 && model.vocabularyCount > 0))
      models.set(model.name, model);
  }
  return models;
}
