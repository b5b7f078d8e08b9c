import type { ModelInfo } from '@sluice/proto';
import { assert, ServingError } from '@sluice/shared';
import type { WorkerConnection } from '../workers/worker-connection.js';
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
  const names = [...models.keys()].map((known) => JSON.stringify(known)).join(', ');
  if (name === undefined) {
    const [only, second] = models.values();
    if (only !== undefined && second === undefined) return only;
    throw new ServingError('invalid_request', `model: is required, one of ${names}`, { field: 'model' });
  }
  const model = models.get(name);
  if (model !== undefined) return model;
  const shown = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
  throw new ServingError('model_not_found', `model: ${shown} is not served here; known: ${names}`, { field: 'model' });
}

export interface ChooseOptions {
  /** Workers that have failed this request already. */
  readonly except?: ReadonlySet<WorkerId>;
}

/** The worker that gets the next request for `model`; undefined when none takes requests. */
export function chooseWorker(
  set: WorkerSet,
  policy: Policy,
  request: RoutingRequest & { readonly model: string },
  { except }: ChooseOptions = {},
): WorkerConnection | undefined {
  const ready = set.workers.filter(
    (worker) => worker.isReady && worker.model?.name === request.model && except?.has(worker.id) !== true,
  );
  const view = ready.map((worker) => worker.view).filter((view): view is WorkerView => view !== undefined);
  const chosen = policy.choose(view, request);
  if (chosen === undefined) return undefined;
  const worker = ready.find(({ id }) => id === chosen);
  assert(worker !== undefined, `policy ${policy.name} chose ${chosen}, which was not in its view`);
  return worker;
}
