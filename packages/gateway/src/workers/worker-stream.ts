import type { GatewayMessageInit, WorkerMessage } from '@sluice/proto';

export interface WorkerStreamListener {
  onMessage(message: WorkerMessage): void;
  /** Once, whoever ended it; nothing comes after. Not called after `close`. */
  onEnd(cause: unknown): void;
}

/** One `Attach` stream to a worker. The real one is io/grpc-worker-stream.ts. */
export interface WorkerStream {
  /** Messages that wait because the worker does not read. */
  readonly unsentCount: number;
  send(message: GatewayMessageInit): void;
  close(): void;
}

/** Opens a stream to one worker, again and again. */
export interface WorkerDialer {
  open(listener: WorkerStreamListener): WorkerStream;
  close(): void;
}
