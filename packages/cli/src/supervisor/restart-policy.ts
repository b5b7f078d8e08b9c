/** When a dead child is started again. Times in milliseconds. */
export interface RestartLimits {
  /** Wait before the first restart; doubled with each further death in a row. */
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** A child that served this long died of something new: the count of deaths in a row begins again. */
  readonly healthyMs: number;
  /** Deaths in a row after which it is given up. */
  readonly deathsMax: number;
}

export const restartLimits: RestartLimits = { delayMsMin: 250, delayMsMax: 10_000, healthyMs: 30_000, deathsMax: 6 };

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly deaths: number }
  | { readonly kind: 'give up'; readonly deaths: number };

/**
 * What to do about a death.
 *
 * @param deathsBefore deaths in a row before this one
 * @param servedMs how long it served this time; 0 when it never became ready
 */
export function decideRestart(deathsBefore: number, servedMs: number, limits = restartLimits): RestartDecision {
  const deaths = servedMs >= limits.healthyMs ? 1 : deathsBefore + 1;
  if (deaths >= limits.deathsMax) return { kind: 'give up', deaths };
  return { kind: 'restart', delayMs: Math.min(limits.delayMsMax, limits.delayMsMin * 2 ** (deaths - 1)), deaths };
}
