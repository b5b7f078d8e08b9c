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

/** What a policy may know of the request that it places. */
export interface RoutingRequest {
  /** Tokens of the prompt, estimated. */
  readonly promptTokens: number;
  /** A hash of the prompt's first block, for prompts that have one: prompts that begin alike have it in common. */
  readonly beginning: number | undefined;
  /** Requests with the same key belong to one session; undefined: to none. */
  readonly session: string | undefined;
  /** Tokens at the beginning of the prompt that a worker likely has cached, for workers that have any. */
  readonly cachedTokens: ReadonlyMap<WorkerId, number>;
}

/**
 * Which worker gets the next request. A function of the view, the request, and random numbers given when it was made:
 * it waits for nothing, changes nothing, and keeps nothing between calls (but for `round-robin`, whose turn it is).
 */
export interface Policy {
  readonly name: string;
  /** Undefined only for an empty view. */
  choose(view: RoutingView, request: RoutingRequest): WorkerId | undefined;
}
