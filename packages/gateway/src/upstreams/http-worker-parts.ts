import type { Clock, Logger, Rng } from '@sluice/shared';
import type { WorkerId } from '../routing/policy.js';
import type { BackoffOptions } from '../workers/backoff.js';
import type { CircuitOptions } from '../workers/circuit-breaker.js';
import type { UpstreamClient } from './upstream-client.js';

export interface HttpWorkerOptions {
  /** Milliseconds without a healthy answer or a byte after which an upstream counts as lost. */
  readonly silenceMs: number;
  /** Milliseconds from a request to its first text. */
  readonly firstTextMs: number;
  /** Milliseconds without a byte after that. */
  readonly gapMs: number;
  /** Requests that it gets at once, each on a connection of its own. */
  readonly requestsMax: number;
  readonly backoff: BackoffOptions;
  readonly circuit: CircuitOptions;
}

export interface HttpWorkerParts {
  /** Its address. */
  readonly id: WorkerId;
  readonly client: UpstreamClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  /** Called after everything that may have given the upstream more room. */
  readonly onLoad: () => void;
}
