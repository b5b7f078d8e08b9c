import { type Rng, seededRng } from '@sluice/shared';

/** Requests whose prompts mostly begin alike. */
export interface WorkloadSettings {
  readonly requests: number;
  /** Prompts that many requests begin with. */
  readonly prefixes: number;
  /** Of requests, that begin with one of them. */
  readonly sharedRatio: number;
  readonly prefixTokens: number;
  /** Behind the prefix: median of a log-normal, tokens. */
  readonly tailTokens: number;
  /** Median of a log-normal, tokens. */
  readonly outputTokens: number;
  /** Users, each with a prefix of their own. */
  readonly sessions: number;
  readonly seed: number;
}

export interface WorkloadRequest {
  /** In units of the mean gap between arrivals. */
  readonly at: number;
  readonly promptIds: readonly number[];
  readonly outputTokens: number;
  readonly session: string;
}

/** Of the lengths of tails and answers: log-normal, so that a tenth is longer than 2.8 times the median. */
const SIGMA = 0.8;
/** Ids of bytes, so that any vocabulary has them. */
const ID_MAX = 250;

/**
 * Poisson arrivals, the same for the same settings. The k-th prefix is 1/k as popular as the first (Zipf), so that there
 * is something to be hot; a request without a shared prefix has random tokens in its place.
 */
export function drawWorkload(settings: WorkloadSettings): readonly WorkloadRequest[] {
  const { requests, prefixes, sharedRatio, prefixTokens, seed } = settings;
  const rng = seededRng(seed);
  const shared = Array.from({ length: prefixes }, () => drawIds(rng, prefixTokens));
  const weights = shared.map((_, index) => 1 / (index + 1));
  const users = Array.from({ length: settings.sessions }, () => drawWeighted(rng, weights));
  let at = 0;
  return Array.from({ length: requests }, () => {
    at += -Math.log(1 - rng.next());
    const user = rng.below(users.length);
    const prefix = rng.next() < sharedRatio ? shared[users[user]!]! : drawIds(rng, prefixTokens);
    return {
      at,
      promptIds: [...prefix, ...drawIds(rng, drawLength(rng, settings.tailTokens))],
      outputTokens: drawLength(rng, settings.outputTokens),
      session: `user-${user}`,
    };
  });
}

function drawIds(rng: Rng, count: number): number[] {
  return Array.from({ length: count }, () => 1 + rng.below(ID_MAX));
}

/** At least 2, at most 8 times the median. */
function drawLength(rng: Rng, median: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
  return Math.max(2, Math.min(8 * median, Math.round(median * Math.exp(SIGMA * normal))));
}

function drawWeighted(rng: Rng, weights: readonly number[]): number {
  let left = rng.next() * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return index < 0 ? weights.length - 1 : index;
}
