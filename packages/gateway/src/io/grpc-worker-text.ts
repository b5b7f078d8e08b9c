import type { ServiceError } from '@grpc/grpc-js';
import { statusToError, type WorkerClient } from '@sluice/proto';
import { isErrorCode, ServingError } from '@sluice/shared';
import type { WorkerText } from '../workers/worker-text.js';

/** For the longest texts on a busy worker. */
const ANSWER_MS_MAX = 30_000;

/** Asks a worker over the connection of its stream. */
export function grpcWorkerText(client: WorkerClient): WorkerText {
  return {
    tokenize: (request) => answerOf((done) => client.tokenize(request, deadline(), done)),
    detokenize: (request) => answerOf((done) => client.detokenize(request, deadline(), done)),
  };
}

function deadline(): { readonly deadline: number } {
  return { deadline: Date.now() + ANSWER_MS_MAX };
}

function answerOf<Reply>(call: (done: (error: ServiceError | null, reply?: Reply) => void) => void): Promise<Reply> {
  return new Promise((resolve, reject) => {
    call((error, reply) => {
      if (error === null && reply !== undefined) resolve(reply);
      else reject(asServingError(error));
    });
  });
}

function asServingError(error: ServiceError | null): ServingError {
  const told = error === null ? undefined : statusToError(error);
  if (told !== undefined && isErrorCode(told.code)) {
    const { code, message, field } = told;
    return new ServingError(code, message, { cause: error, ...(field === undefined ? {} : { field }) });
  }
  return new ServingError('worker_lost', 'the worker that was asked did not answer; it can be asked again', {
    cause: error,
  });
}
