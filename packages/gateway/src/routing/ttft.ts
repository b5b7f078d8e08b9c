import type { Rng } from '@sluice/shared';
import type { Policy, RoutingRequest, RoutingView, WorkerView } from './policy.js';
import { hashText } from './rendezvous.js';
import { pickAny, requestsAhead, tokensAhead } from './worker-load.js';

/** Predictions err by more than this: whoever is so near the least is as good. */
const NEAR_MS = 5;
const NEAR_RATIO = 1.05;
/** Of the tokens that are not known to be cached at a prompt's home; between 15 and 50 % it makes little difference. */
const HOME_RATIO = 0.3;
/** Prompt tokens a second where no worker has measured its own yet. */
const RATE_UNKNOWN = 1_000;
/** Prompt tokens that a step computes beside decodes; every step of a prompt carries all decodes along. */
const CHUNK_TOKENS = 128;
/** Tokens of an answer, by which a slot is expected to become free. */
const ANSWER_TOKENS = 128;
/** Milliseconds at half of the memory in use; ten times that at ten elevenths. The curve is SMG's `least_load`. */
const PRESSURE_MS = 150;
const PRESSURE_SHARE_MAX = 0.99;

/**
 * The worker from which the first token is predicted soonest; those within 5 ms or 5 % of it are as good. Load and cache
 * affinity are the same number here, so that neither needs a threshold against the other.
 *
 * What other gateways have sent is not in this one's index. Therefore every beginning of a prompt has a home, the same in
 * all gateways by a hash of both: it is taken to have 30 % of what is not known to be cached there, and stands first among
 * equals. Prompts of less than a block have none, and choose among equals at random. O(workers).
 */
export function ttft(rng: Rng): Policy {
  return {
    name: 'ttft',
    choose: (view, request) => {
      const fleetRate = meanRate(view);
      const home = homeOf(view, request);
      const waits = view.map((worker) =>
        predictFirstTokenMs(worker, worker === home ? atHome(worker, request) : request, fleetRate),
      );
      const least = waits.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
      const nearMs = Math.max(least + NEAR_MS, least * NEAR_RATIO);
      const near = view.filter((_, index) => waits[index]! <= nearMs);
      return homeOf(near, request)?.id ?? pickAny(near, rng);
    },
  };
}

/**
 * Milliseconds to the first token of a request: prompt tokens ahead of it and its own that are not cached, at the
 * worker's measured rate, which the decodes of each step share; the wait for a slot where none is free; and a price for
 * memory in use, because a full worker preempts.
 * @param fleetRate prompt tokens a second of a worker that has not measured any.
 */
export function predictFirstTokenMs(
  worker: WorkerView,
  { promptTokens, cachedTokens }: Pick<RoutingRequest, 'promptTokens' | 'cachedTokens'>,
  fleetRate = RATE_UNKNOWN,
): number {
  const { load } = worker;
  const rate = load.prefillTokensPerSecond || fleetRate;
  const uncached = Math.max(1, promptTokens - (cachedTokens.get(worker.id) ?? 0));
  const requests = requestsAhead(worker);
  const decodes = Math.min(requests, load.slotsMax);
  const prefillMs = (((tokensAhead(worker) + uncached) * 1000) / rate) * (1 + decodes / CHUNK_TOKENS);
  const slotsShort = Math.max(0, requests + 1 - load.slotsMax);
  const slotMs = (slotsShort * ANSWER_TOKENS * 1000) / (load.decodeTokensPerSecond || rate);
  return prefillMs + slotMs + pressureMs(worker, promptTokens);
}

/** Undefined for a prompt of less than a block. */
function homeOf(view: RoutingView, { beginning }: RoutingRequest): WorkerView | undefined {
  if (beginning === undefined) return undefined;
  let home: WorkerView | undefined;
  let bestRank = -1;
  for (const worker of view) {
    const rank = hashText(worker.id, beginning);
    if (rank <= bestRank) continue;
    bestRank = rank;
    home = worker;
  }
  return home;
}

function atHome({ id }: WorkerView, { promptTokens, cachedTokens }: RoutingRequest) {
  const known = cachedTokens.get(id) ?? 0;
  return { promptTokens, cachedTokens: new Map([[id, known + HOME_RATIO * (promptTokens - known)]]) };
}

function pressureMs({ load, unreportedTokens }: WorkerView, promptTokens: number): number {
  if (load.kvTokensMax === 0) return 0;
  const share = Math.min(PRESSURE_SHARE_MAX, (load.kvTokensUsed + unreportedTokens + promptTokens) / load.kvTokensMax);
  return (PRESSURE_MS * share) / (1 - share);
}

/** Of the workers that have measured any; a new one is taken to be like the others. */
function meanRate(view: RoutingView): number {
  const rates = view.map(({ load }) => load.prefillTokensPerSecond).filter((rate) => rate > 0);
  return rates.length === 0 ? RATE_UNKNOWN : rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
}
