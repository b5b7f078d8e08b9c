import type { ServiceTermsInit } from '@sluice/proto';
import type { Clock, Rng } from '@sluice/shared';
import type { LimitStore, ResponseStore } from '@sluice/store';
import type { Admission } from './admission/admission.js';
import type { FairQueueLimits } from './admission/fair-queue.js';
import type { Caller } from './auth/caller.js';
import type { ContentCheck } from './content/content-check.js';
import type { GatewayMetrics } from './metrics/metrics.js';
import type { Routing } from './routing/routing.js';
import type { StreamJournals } from './streams/stream-journals.js';
import type { WorkerSet } from './workers/worker-set.js';

export interface GatewayParts {
  readonly workers: WorkerSet;
  readonly routing: Routing;
  readonly admission: Admission;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly rng: Rng;
  /** How long a request that has lost its worker waits for another one to take it, milliseconds. */
  readonly resumeWaitMs: number;
  /** Of callers that have any, kept with the other gateways. */
  readonly limits: LimitStore;
  /** That callers may ask for again. */
  readonly responses: ResponseStore;
  readonly contentChecks: readonly ContentCheck[];
  /** Of requests that no worker could begin soon, by model. */
  readonly queueLimits: FairQueueLimits;
  /** How long a request waits for a worker that could begin it, where it does not say itself; milliseconds. */
  readonly queueMsMax: number;
  /** Undefined: streams are not written down. */
  readonly journals: StreamJournals | undefined;
}

/** What a request says of how it wants to be served. */
export interface ServiceWishes {
  readonly caller: Caller;
  /** How urgent it is, and for whom. */
  readonly terms: ServiceTermsInit;
  /** That it belongs to; undefined: the one that the body names, if any. */
  readonly session: string | undefined;
  /** How long it may wait for a worker; undefined: as long as any. */
  readonly queueMsMax: number | undefined;
}
