import type { GatewayMessageInit, WorkerMessage } from '@sluice/proto';
import type { WorkerText } from './worker-text.js';

export interface WorkerStreamListener {
  onMessage(message: WorkerMessage): void;
  /** Once, whoever ended it; nothing comes after. Not called after `close`. */
  onEnd(cause: unknown): void;
}

/** One `Attach` stream to a worker. The real one is io/grpc-worker-dialer.ts. */
export interface WorkerStream {
  /** Messages that wait because the worker does not read. */
  readonly unsentCount: number;
  send(message: GatewayMessageInit): void;
  close(): void;
}

/** Opens a stream to one worker, again and again. */
export interface WorkerDialer {
  open(listener: WorkerStreamListener): WorkerStream;
  /** Absent: nothing can be asked beside streams. */
  readonly text?: WorkerText;
  close(): void;
}
