import type { LoadState } from '@sluice/shared';

/** Names a worker within one gateway: its address. */
export type WorkerId = string;

/** One worker as a policy sees it at the moment of choosing. */
export interface WorkerView {
  readonly id: WorkerId;
  /** What the worker last said of itself. */
  readonly load: LoadState;
  /** Requests sent to it that its load does not count yet. */
  readonly unreportedRequests: number;
  /** Their prompt tokens, estimated. */
  readonly unreportedTokens: number;
}

/** The workers that could serve a request: attached, ready, of the right model. */
export type RoutingView = readonly WorkerView[];

/**
 * Which worker gets the next request. A pure function of the view (and of random numbers it was given when it was
 * made): it keeps nothing between calls, waits for nothing and changes nothing.
 */
export interface Policy {
  readonly name: string;
  /** Undefined only for an empty view. */
  choose(view: RoutingView): WorkerId | undefined;
}
