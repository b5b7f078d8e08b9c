import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { channelOptions } from '../channel-options.js';
import type { WorkerClient } from '../gen/sluice/v1/Worker.js';
import { WorkerClientConstructor } from './definition.js';

/** Both sides show a certificate, and each accepts only what the authority has signed. PEM. */
export interface TlsOptions {
  readonly authority: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
  /** Of a client: the name that the server's certificate has to hold. Default: the host that is called. */
  readonly serverName?: string;
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
  return new WorkerClientConstructor(address, channelCredentials(address, tls), {
    ...channelOptions,
    ...(tls === undefined ? {} : { 'grpc.ssl_target_name_override': serverIdentity(address, tls).sentName }),
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

/** Whom a worker at this address has to prove to be. */
export function serverIdentity(address: string, { serverName = hostOf(address) }: TlsOptions) {
  return {
    /** Goes in the clear, so that a server can choose a certificate; an address must not (RFC 6066, section 3). */
    sentName: isIP(serverName) ? 'worker' : serverName,
    checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(serverName, certificate),
  };
}

function channelCredentials(address: string, tls: TlsOptions | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const { checkServerIdentity } = serverIdentity(address, tls);
  return credentials.createSsl(tls.authority, tls.key, tls.certificate, { checkServerIdentity });
}

/** Of `host:port` or `[host]:port`. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}
