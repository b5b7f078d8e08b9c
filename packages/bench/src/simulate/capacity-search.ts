export interface Probe {
  readonly ratePerSecond: number;
  readonly isWithin: boolean;
}

/** Where a search ends: the rate is known to so large a share of itself. */
const PRECISION_RATIO = 0.025;
const PROBES_MAX = 30;
const RATE_MIN = 1e-4;

/**
 * The highest rate that still is within the limits, by doubling or halving until it is bracketed and then by bisection,
 * to 2.5 %. All probes come back too, in the order in which they were made. 0 when not even one request in hours can be
 * served within them.
 */
export async function searchCapacity<P extends Probe>(
  startPerSecond: number,
  probe: (ratePerSecond: number) => Promise<P>,
): Promise<{ readonly ratePerSecond: number; readonly probes: readonly P[] }> {
  const probes: P[] = [];
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let rate = startPerSecond;
  const isOpen = (): boolean => high === Number.POSITIVE_INFINITY || high - low > PRECISION_RATIO * high;
  while (probes.length < PROBES_MAX && rate > RATE_MIN && isOpen()) {
    const result = await probe(rate);
    probes.push(result);
    if (result.isWithin) low = rate;
    else high = rate;
    if (high === Number.POSITIVE_INFINITY) rate *= 2;
    else if (low === 0) rate /= 2;
    else rate = (low + high) / 2;
  }
  return { ratePerSecond: low, probes };
}
