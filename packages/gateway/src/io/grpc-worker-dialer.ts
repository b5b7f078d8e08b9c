import { connectWorker } from '@sluice/proto';
import type { WorkerDialer } from '../workers/worker-stream.js';

/** `Attach` streams to the worker at `address` (`host:port`) over gRPC. */
export function grpcWorkerDialer(address: string): WorkerDialer {
  const client = connectWorker(address);
  return {
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
      call.on('error', end);
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
