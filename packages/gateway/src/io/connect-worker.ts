import type { TlsOptions } from '@sluice/proto';
import type { Clock, Logger, Rng } from '@sluice/shared';
import { HttpWorker } from '../upstreams/http-worker.js';
import { type CircuitOptions, defaultCircuit } from '../workers/circuit-breaker.js';
import type { Worker } from '../workers/worker.js';
import { isUpstreamAddress } from '../workers/worker-address.js';
import { WorkerConnection } from '../workers/worker-connection.js';
import { grpcWorkerDialer } from './grpc-worker-dialer.js';
import { undiciUpstreamClient } from './undici-upstream-client.js';

export interface WorkerOptions {
  /** Workers are spoken to over TLS, and know the gateway by its certificate. Upstreams have `https` addresses instead. */
  readonly workerTls?: TlsOptions;
  /** Sent to upstreams as a bearer token. */
  readonly upstreamKey?: string;
  /** Requests that an upstream gets at once, of all processes together, each on a connection. Default 1,024. */
  readonly upstreamRequestsMax?: number;
  /** Milliseconds from a request to an upstream's first text. Default 600,000. */
  readonly upstreamFirstTextMs?: number;
  /** Milliseconds without a byte of a stream that an upstream has begun. Default 60,000. */
  readonly upstreamGapMs?: number;
  /** Milliseconds of silence after which a worker counts as lost, with one more look a tenth later. Default 1,500. */
  readonly workerSilenceMs?: number;
  /** When requests are kept from a worker that fails them. Default: 5 failures in 30 s, for 2 s to 60 s. */
  readonly circuit?: Partial<CircuitOptions>;
}

export interface ConnectParts {
  readonly gatewayId: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  /** Called after everything that may have given a worker more room. */
  readonly onLoad: () => void;
}

/** A worker of ours or an upstream, by its address (see parseWorkerAddress); not started. */
export function connectWorker(address: string, parts: ConnectParts, options: WorkerOptions): Worker {
  const common = {
    silenceMs: options.workerSilenceMs ?? 1_500,
    backoff: { firstMs: 100, maxMs: 2_000 },
    circuit: { ...defaultCircuit, ...options.circuit },
  };
  if (!isUpstreamAddress(address)) {
    const dialer = grpcWorkerDialer(address, options.workerTls);
    return new WorkerConnection({ ...parts, id: address, dialer }, { ...common, unsentMax: 1_024 });
  }
  const requestsMax = options.upstreamRequestsMax ?? 1_024;
  const key = options.upstreamKey;
  const client = undiciUpstreamClient(address, { connectionsMax: requestsMax, ...(key === undefined ? {} : { key }) });
  return new HttpWorker(
    { ...parts, id: address, client },
    {
      ...common,
      requestsMax,
      firstTextMs: options.upstreamFirstTextMs ?? 600_000,
      gapMs: options.upstreamGapMs ?? 60_000,
    },
  );
}
