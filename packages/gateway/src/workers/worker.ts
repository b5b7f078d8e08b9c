import type { GenerateEvent, GenerateRequestInit, ModelInfo } from '@sluice/proto';
import type { ServingError } from '@sluice/shared';
import type { WorkerId, WorkerView } from '../routing/policy.js';
import type { ToolUse } from '../tools/tool-use.js';
import type { CircuitState } from './circuit-breaker.js';
import type { WorkerText } from './worker-text.js';

/** Who waits for a request's tokens. Hears nothing after the last event, after `onLost`, or after a cancel. */
export interface GenerationListener {
  /** `nowMs` is when the frame came, the same for all events in it. Must not throw. */
  onEvent(event: GenerateEvent, nowMs: number): void;
  /**
   * The rest will not come from this worker: it is gone (`worker_lost`), has said that it goes (`draining`), or answers
   * with an error. Must not throw.
   */
  onLost(error: ServingError): void;
}

/** A request that a worker has. */
export interface Generation {
  /** Tells the worker to stop; does nothing after the last event. */
  cancel(): void;
}

/** What of a request's asking a worker may need beside the request. */
export interface SubmitTerms {
  /** The name of the model, as callers and workers know it. */
  readonly model: string;
  /** Whether the caller gave the seed; else it is any. */
  readonly isSeeded: boolean;
  /** For servers that read calls out of answers themselves. */
  readonly tools?: ToolUse | undefined;
  /** The caller's field that asked for the request's constraint. */
  readonly constraintField?: string | undefined;
}

/** Stands for a token whose id nobody said. No model has so many, so no worker takes it for one. */
export const unknownTokenId = 2 ** 32 - 1;

/** One server that generates text, as gateway, routing and relay know it. */
export interface Worker {
  readonly id: WorkerId;
  /** What it serves, or served when it was last attached. */
  readonly models: readonly ModelInfo[];
  /** Which start of the worker it is, or was when it was last attached: another one has an empty cache. */
  readonly epoch: string | undefined;
  /** Whether it is there. */
  readonly isAttached: boolean;
  /** Changes, upwards, whenever a request that was lost with it may try it again. */
  readonly attachments: number;
  /** Whether it takes new requests. */
  readonly isReady: boolean;
  readonly circuitState: CircuitState;
  /** Requests of this gateway that it has. */
  readonly requestsInFlight: number;
  /** Undefined until it was attached first; kept, for dashboards, when it is lost. */
  readonly view: WorkerView | undefined;
  /**
   * Whether it says tokens by their ids, and goes on behind those of another worker. What one that does not has begun
   * nobody can continue; its tokens are {@link unknownTokenId}.
   */
  readonly knowsTokenIds: boolean;
  /** Whether it says how much of a prompt it had cached. */
  readonly countsCached: boolean;
  /** What can be asked beside requests; absent: nothing. */
  readonly text?: WorkerText | undefined;
  start(): void;
  /** Requests in flight get `onLost`. */
  close(): void;
  /**
   * Sends a request; only while {@link isReady}. The listener hears nothing before this returns.
   * @param promptTokens that it has yet to compute, an estimate.
   */
  submit(
    request: GenerateRequestInit,
    promptTokens: number,
    listener: GenerationListener,
    terms: SubmitTerms,
  ): Generation;
}
