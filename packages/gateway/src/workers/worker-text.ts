import type {
  DetokenizeReply,
  DetokenizeRequestInit,
  ModelInfo,
  TokenizeReply,
  TokenizeRequestInit,
} from '@sluice/proto';
import { type ErrorCode, ServingError } from '@sluice/shared';
import { noWorkerError } from '../routing/router.js';
import type { Worker } from './worker.js';

/** What a worker tells of texts and tokens, beside its stream. */
export interface WorkerText {
  /** @throws (rejects) ServingError: the worker's own, or `worker_lost`. */
  tokenize(request: TokenizeRequestInit): Promise<TokenizeReply>;
  /** @throws (rejects) ServingError: the worker's own, or `worker_lost`. */
  detokenize(request: DetokenizeRequestInit): Promise<DetokenizeReply>;
}

/** Any worker says the same, so another one is asked where these come. */
const troubles: ReadonlySet<ErrorCode> = new Set(['worker_lost', 'draining', 'queue_full']);

/** How many are asked, one after the other. */
const ASKED_MAX = 3;

/**
 * Asks one of the workers of a model, the least busy first, and others where it is lost.
 * @throws (rejects) ServingError: the worker's own; `unsupported_parameter` where only servers have the model that tell
 * nothing of tokens; `no_worker`.
 */
export async function askWorker<Reply>(
  workers: readonly Worker[],
  model: Pick<ModelInfo, 'name'>,
  ask: (text: WorkerText) => Promise<Reply>,
): Promise<Reply> {
  const serving = workers.filter(
    ({ isAttached, models }) => isAttached && models.some(({ name }) => name === model.name),
  );
  const able = serving
    .filter(({ text }) => text !== undefined)
    .sort((a, b) => Number(b.isReady) - Number(a.isReady) || a.requestsInFlight - b.requestsInFlight);
  if (able.length === 0 && serving.length > 0) {
    const problem = `model: ${JSON.stringify(model.name)} is run by another server, which tells nothing of tokens here`;
    throw new ServingError('unsupported_parameter', problem, { field: 'model' });
  }
  let failure: unknown = noWorkerError();
  for (const { text } of able.slice(0, ASKED_MAX)) {
    if (text === undefined) continue;
    try {
      return await ask(text);
    } catch (thrown) {
      if (!(thrown instanceof ServingError && troubles.has(thrown.code))) throw thrown;
      failure = thrown;
    }
  }
  throw failure;
}
