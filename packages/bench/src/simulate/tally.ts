/** The load is too much when half of the requests wait longer than this before they begin. */
export const DELAY_MS_MAX = 2_000;
/** The shares of delays and of gaps that have to be within their limits. */
const DELAY_SHARE = 0.5;
const GAP_SHARE = 0.99;

/** What a trial came to; milliseconds. */
export interface TrialResult {
  readonly ratePerSecond: number;
  /** From arrival to the first step that a request is part of. */
  readonly delayP50Ms: number;
  readonly ttftP50Ms: number;
  readonly ttftP99Ms: number;
  /** Between two tokens of one request. */
  readonly gapP99Ms: number;
  readonly outputTokensPerSecond: number;
  /** Both limits held. */
  readonly isWithin: boolean;
  /** Broken off as soon as a limit could not hold any more: the other figures are of what had happened by then. */
  readonly isCut: boolean;
}

/** Collects the times of a trial, and knows early when a limit is broken for good. */
export class Tally {
  readonly #gapMsMax: number;
  readonly #delaysLateMax: number;
  readonly #gapsLateMax: number;
  readonly #delays: number[] = [];
  readonly #ttfts: number[] = [];
  readonly #gaps: number[] = [];
  #delaysLate = 0;
  #gapsLate = 0;

  /** @param gaps how many there will be. */
  constructor(requests: number, gaps: number, gapMsMax: number) {
    this.#gapMsMax = gapMsMax;
    this.#delaysLateMax = requests - Math.ceil(requests * DELAY_SHARE);
    this.#gapsLateMax = gaps - Math.ceil(gaps * GAP_SHARE);
  }

  get isLost(): boolean {
    return this.#delaysLate > this.#delaysLateMax || this.#gapsLate > this.#gapsLateMax;
  }

  /** A request has waited longer than it may, and has not begun. At most once each. */
  addOverdue(): void {
    this.#delaysLate += 1;
  }

  /** @param wasOverdue it was counted as that already. */
  addDelay(delayMs: number, wasOverdue = false): void {
    this.#delays.push(delayMs);
    if (delayMs > DELAY_MS_MAX && !wasOverdue) this.#delaysLate += 1;
  }

  addFirst(ttftMs: number): void {
    this.#ttfts.push(ttftMs);
  }

  addGap(gapMs: number): void {
    this.#gaps.push(gapMs);
    if (gapMs > this.#gapMsMax) this.#gapsLate += 1;
  }

  result(ratePerSecond: number, durationMs: number, isCut: boolean): TrialResult {
    const gapP99Ms = quantile(this.#gaps, GAP_SHARE);
    const delayP50Ms = quantile(this.#delays, DELAY_SHARE);
    return {
      ratePerSecond,
      delayP50Ms,
      ttftP50Ms: quantile(this.#ttfts, 0.5),
      ttftP99Ms: quantile(this.#ttfts, 0.99),
      gapP99Ms,
      outputTokensPerSecond: ((this.#ttfts.length + this.#gaps.length) * 1000) / durationMs,
      isWithin: !isCut && gapP99Ms <= this.#gapMsMax && delayP50Ms <= DELAY_MS_MAX,
      isCut,
    };
  }
}

/** The least value that at least so large a share of the values does not exceed; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
