/** When a dead child is started again. Times in milliseconds. */
export interface RestartLimits {
  /** Wait before the first restart; doubled with each further death in a row. */
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** A child that served this long died of something new: the count of deaths in a row begins again. */
  readonly healthyMs: number;
  /** Deaths in a row after which it is given up. */
  readonly deathsMax: number;
  /** The same for one that has never served: it is likely never to. */
  readonly deathsMaxAtStart: number;
}

export const restartLimits: RestartLimits = {
  delayMsMin: 250,
  delayMsMax: 10_000,
  healthyMs: 30_000,
  deathsMax: 6,
  deathsMaxAtStart: 3,
};

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly deaths: number }
  | { readonly kind: 'give up'; readonly deaths: number };

/** A child's life up to a death. */
export interface Life {
  /** Deaths in a row before this one. */
  readonly deathsBefore: number;
  /** How long it served this time, in milliseconds; 0 when it did not become ready. */
  readonly servedMs: number;
  /** Whether it served in this life or an earlier one. */
  readonly hasServed: boolean;
}

/** What to do about a death. */
export function decideRestart(life: Life, limits: RestartLimits = restartLimits): RestartDecision {
  const deaths = life.servedMs >= limits.healthyMs ? 1 : life.deathsBefore + 1;
  if (deaths >= (life.hasServed ? limits.deathsMax : limits.deathsMaxAtStart)) return { kind: 'give up', deaths };
  return { kind: 'restart', delayMs: Math.min(limits.delayMsMax, limits.delayMsMin * 2 ** (deaths - 1)), deaths };
}
