export interface Probe {
  readonly ratePerSecond: number;
  readonly isWithin: boolean;
}

export interface SearchOptions<P extends Probe> {
  readonly startPerSecond: number;
  readonly probe: (ratePerSecond: number) => Promise<P>;
  /** Where the search ends: the rate is known to so large a share of itself. Absent: 2.5 %. */
  readonly precisionRatio?: number;
  /** First factor between two rates until the limit is bracketed, above 1; every next one is its square. Absent: 2. */
  readonly firstFactor?: number;
  /** No higher rate is tried. Absent: none is too high. */
  readonly ceilingPerSecond?: number;
  /** Asked before every probe but the first: false ends the search with what is known. Absent: always true. */
  readonly mayProbe?: (ratePerSecond: number) => boolean;
}

export interface SearchResult<P extends Probe> {
  /** The highest rate found within the limits; 0 where none was. */
  readonly ratePerSecond: number;
  /** The lowest rate found beyond them; undefined where none was. */
  readonly beyondPerSecond: number | undefined;
  /** In the order in which they were made. */
  readonly probes: readonly P[];
}

const PRECISION_RATIO = 0.025;
const FACTOR = 2;
const FACTOR_MAX = 2;
const PROBES_MAX = 30;
const RATE_MIN = 1e-4;

/**
 * The highest rate that still is within the limits: steps up or down until it is bracketed, then bisection. It is 0 when
 * not even one request in hours can be served within them.
 */
export async function searchCapacity<P extends Probe>(options: SearchOptions<P>): Promise<SearchResult<P>> {
  const { probe, precisionRatio = PRECISION_RATIO, ceilingPerSecond = Number.POSITIVE_INFINITY } = options;
  const probes: P[] = [];
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let rate = options.startPerSecond;
  let factor = options.firstFactor ?? FACTOR;
  const isOpen = (): boolean => high === Number.POSITIVE_INFINITY || high - low > precisionRatio * high;
  const mayProbe = (): boolean => probes.length === 0 || options.mayProbe?.(rate) !== false;
  while (probes.length < PROBES_MAX && rate > RATE_MIN && rate <= ceilingPerSecond && isOpen() && mayProbe()) {
    const result = await probe(rate);
    probes.push(result);
    if (result.isWithin) low = rate;
    else high = rate;
    if (high === Number.POSITIVE_INFINITY) rate *= factor;
    else if (low === 0) rate /= factor;
    else rate = (low + high) / 2;
    factor = Math.min(FACTOR_MAX, factor ** 2);
  }
  return { ratePerSecond: low, beyondPerSecond: Number.isFinite(high) ? high : undefined, probes };
}
