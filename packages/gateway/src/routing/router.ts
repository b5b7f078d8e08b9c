import type { ModelInfo } from '@sluice/proto';
import { assert, ServingError } from '@sluice/shared';
import type { Worker } from '../workers/worker.js';
import { knownModels, type WorkerSet } from '../workers/worker-set.js';
import type { Policy, RoutingRequest, WorkerId, WorkerView } from './policy.js';

/**
 * The model a caller named, or the only one when none was named.
 * @throws ServingError `model_not_found`, `invalid_request` when several models leave a choice, `no_worker` when no
 * worker has ever said what it serves.
 */
export function resolveModel(set: WorkerSet, name: string | undefined): ModelInfo {
  const models = knownModels(set);
  if (models.size === 0) throw new ServingError('no_worker', 'no worker has been reached yet; try again shortly');
  const names = (): string => [...models.keys()].map((known) => JSON.stringify(known)).join(', ');
  if (name === undefined) {
    const [only, second] = models.values();
    if (only !== undefined && second === undefined) return only;
    throw new ServingError('invalid_request', `model: is required, one of ${names()}`, { field: 'model' });
  }
  const model = models.get(name);
  if (model !== undefined) return model;
  const shown = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
  throw new ServingError('model_not_found', `model: ${shown} is not served here; known: ${names()}`, {
    field: 'model',
  });
}

export interface ChooseOptions {
  /** Workers that have failed this request already. */
  readonly except?: ReadonlySet<WorkerId>;
  /** Only workers of which this holds. */
  readonly where?: (worker: WorkerView) => boolean;
  /** Only workers that can go on behind tokens of another one. */
  readonly needsTokenIds?: boolean;
}

/** The workers that take requests for a model now, as policies see them. */
export function readyViews(set: WorkerSet, model: string): WorkerView[] {
  return readyWorkers(set, model).map(({ view }) => view);
}

/** The worker that gets the next request for `model`; undefined when none takes requests. */
export function chooseWorker(
  set: WorkerSet,
  policy: Policy,
  request: RoutingRequest & { readonly model: string },
  { except, where, needsTokenIds }: ChooseOptions = {},
): Worker | undefined {
  const ready = readyWorkers(set, request.model).filter(
    ({ worker, view }) =>
      except?.has(view.id) !== true && where?.(view) !== false && (worker.knowsTokenIds || needsTokenIds !== true),
  );
  const chosen = policy.choose(
    ready.map(({ view }) => view),
    request,
  );
  if (chosen === undefined) return undefined;
  const found = ready.find(({ view }) => view.id === chosen);
  assert(found !== undefined, `policy ${policy.name} chose ${chosen}, which was not in its view`);
  return found.worker;
}

/** A loop, because `some` would make a closure for each worker and request. */
function serves({ models }: Worker, name: string): boolean {
  for (const model of models) if (model.name === name) return true;
  return false;
}

function readyWorkers({ workers }: WorkerSet, model: string) {
  return workers.flatMap((worker) => {
    const { view } = worker;
    return worker.isReady && view !== undefined && serves(worker, model) ? [{ worker, view }] : [];
  });
}

export function noWorkerError(): ServingError {
  return new ServingError('no_worker', 'no worker takes requests at the moment; try again shortly');
}
