import { credentials } from '@grpc/grpc-js';
import { channelOptions } from '../channel-options.js';
import type { WorkerClient } from '../gen/sluice/v1/Worker.js';
import { WorkerClientConstructor } from './definition.js';

/** Both sides show a certificate, and each accepts only what the authority has signed. PEM. */
export interface TlsOptions {
  readonly authority: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

export interface ConnectOptions {
  /** Absent: no encryption. */
  readonly tls?: TlsOptions;
  /** Milliseconds of silence after which a ping is sent. Default 10,000. */
  readonly keepaliveMs?: number;
  /** Milliseconds a ping may stay unanswered before the connection counts as lost. Default 5,000. */
  readonly keepaliveTimeoutMs?: number;
  /** Longest wait between two attempts to connect, milliseconds; the first is 100. Default 2,000. */
  readonly reconnectMaxMs?: number;
}

/**
 * A client of one worker at `address` (`host:port`). Connects at the first call, and again by
 * itself after a loss; a call that fails is never repeated, since only the caller knows what it has already delivered.
 * Close it with `close()`.
 */
export function connectWorker(address: string, options: ConnectOptions = {}): WorkerClient {
  const { tls } = options;
  const channel =
    tls === undefined ? credentials.createInsecure() : credentials.createSsl(tls.authority, tls.key, tls.certificate);
  return new WorkerClientConstructor(address, channel, {
    ...channelOptions,
    'grpc.enable_retries': 0,
    'grpc.keepalive_time_ms': options.keepaliveMs ?? 10_000,
    'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs ?? 5_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': options.reconnectMaxMs ?? 2_000,
    // Each worker has its own connection, closed with its client; pooling would let one outlive the other.
    'grpc.use_local_subchannel_pool': 1,
  });
}
