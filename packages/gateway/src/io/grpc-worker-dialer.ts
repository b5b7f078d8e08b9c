import type { ServiceError } from '@grpc/grpc-js';
import { connectWorker, statusToError, type TlsOptions } from '@sluice/proto';
import { isErrorCode, ServingError } from '@sluice/shared';
import { dialProblem } from '../workers/dial-problem.js';
import type { WorkerDialer } from '../workers/worker-stream.js';
import { grpcWorkerText } from './grpc-worker-text.js';

/** `Attach` streams to the worker at `address` (`host:port`) over gRPC. */
export function grpcWorkerDialer(address: string, tls?: TlsOptions): WorkerDialer {
  const client = connectWorker(address, tls === undefined ? {} : { tls });
  return {
    text: grpcWorkerText(client),
    open: (listener) => {
      const call = client.attach();
      let open = true;
      const end = (cause: unknown): void => {
        if (!open) return;
        open = false;
        listener.onEnd(cause);
      };
      call.on('data', (message) => {
        if (open) listener.onMessage(message);
      });
      // grpc-js reports a broken stream as an error; one that the worker ended in order has only an end.
      call.on('error', (error: ServiceError) => {
        const told = statusToError(error);
        const isTold = told !== undefined && isErrorCode(told.code);
        const problem = () => new Error(dialProblem(error.message, tls !== undefined), { cause: error });
        end(isTold ? new ServingError(told.code, told.message) : problem());
      });
      call.on('end', () => end(undefined));
      return {
        get unsentCount() {
          return call.writableLength;
        },
        send: (message) => {
          if (open) call.write(message);
        },
        close: () => {
          open = false;
          call.cancel();
        },
      };
    },
    close: () => client.close(),
  };
}
