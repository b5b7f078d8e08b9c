import type { WorkerView } from '../routing/policy.js';
import { requestsAhead, tokensAhead } from '../routing/worker-load.js';

/** Prompts that a worker could not begin within so long wait here: the usual objective of a first token. */
const BACKLOG_MS = 5_000;
/** Prompt tokens a second where a worker has measured none. */
const RATE_UNKNOWN = 1_000;

/**
 * Whether a worker could begin one more request soon. There is always room for one that waits, so that no worker is ever
 * without work because of this; beyond it, for as many as can run at once and as much as it computes in 5 s, which is
 * what its scheduler needs to choose from.
 */
export function hasRoom(worker: WorkerView): boolean {
  const { load, unreportedRequests } = worker;
  const waiting = load.waiting + unreportedRequests;
  if (waiting === 0) return true;
  if (waiting >= load.slotsMax) return false;
  return requestsAhead(worker) < load.slotsMax && tokensAhead(worker) * 1000 < BACKLOG_MS * rateOf(worker);
}

function rateOf({ load }: WorkerView): number {
  return load.prefillTokensPerSecond || RATE_UNKNOWN;
}
