import { type AttachEnd, connectWorker, openAttach, type TlsOptions } from '@sluice/proto';
import { isErrorCode, ServingError } from '@sluice/shared';
import { dialProblem } from '../workers/dial-problem.js';
import type { WorkerDialer } from '../workers/worker-stream.js';
import { grpcWorkerText } from './grpc-worker-text.js';

/**
 * `Attach` streams to the worker at `address` (`host:port`), each on a connection of its own; what is asked beside them
 * goes over another one, which is made when first something is asked.
 */
export function grpcWorkerDialer(address: string, tls?: TlsOptions): WorkerDialer {
  const client = connectWorker(address, tls === undefined ? {} : { tls });
  return {
    text: grpcWorkerText(client),
    open: (listener) =>
      openAttach(address, tls, {
        onMessage: (message) => listener.onMessage(message),
        onEnd: (end) => listener.onEnd(causeOf(end, tls !== undefined)),
      }),
    close: () => client.close(),
  };
}

/** Undefined: the worker ended it in order. */
function causeOf(end: AttachEnd, isTls: boolean): Error | undefined {
  switch (end.kind) {
    case 'ended':
      return undefined;
    case 'told': {
      const { code, message } = end.error;
      return isErrorCode(code) ? new ServingError(code, message) : new Error(message);
    }
    case 'broken':
      return new Error(end.isNew ? dialProblem(end.problem, isTls) : end.problem);
  }
}
