import type { LoadState, ServingError } from '@sluice/shared';
import type { SequenceEvent, SequenceRequest } from './sequence.js';

/**
 * The engine as the rest of the worker sees it. Calls never block and never throw for what a request says; a step's
 * events are delivered while the next forward pass runs.
 */
export interface EnginePort {
  /** Most tokens of prompt and output of one sequence. */
  readonly contextTokens: number;

  /**
   * Queues a sequence. Undefined when it is taken; else why not (`context_length_exceeded`, `queue_full`, `draining`,
   * `invalid_request`), and then no event will come for it.
   */
  submit(request: SequenceRequest): ServingError | undefined;

  /**
   * Ends a sequence as soon as the pass that runs now is over: its slot is free in the next plan, and its last event is
   * `finished` with reason `cancelled`. An id that is not live is ignored.
   */
  cancel(id: string): void;

  load(): LoadState;

  /** Refuses new sequences from now on; resolves when none is left. */
  drain(): Promise<void>;

  /** Cancels everything and waits for the pass that runs. */
  close(): Promise<void>;
}

/** Called once after each step, and once for sequences that ended without one. Must not throw. */
export type StepListener = (events: readonly SequenceEvent[]) => void;
