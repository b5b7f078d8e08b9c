import { Samples } from './samples.js';
import type { Arrival } from './trace.js';

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
  /** Between two tokens of one request; of several objectives, that which is closest to its limit or furthest beyond. */
  readonly gapP99Ms: number;
  /** The same for each objective that requests have. */
  readonly gapsByObjective: readonly { readonly tbtMs: number; readonly gapP99Ms: number }[];
  readonly outputTokensPerSecond: number;
  /** All limits held. */
  readonly isWithin: boolean;
  /** Broken off as soon as a limit could not hold any more: the other figures are of what had happened by then. */
  readonly isCut: boolean;
}

/** The requests of one objective. */
export interface GapLimit {
  /** P99 of the times between tokens. */
  readonly tbtMs: number;
  /** How many of those times there will be. */
  readonly gaps: number;
}

/** The objectives that the arrivals have; first that of those that bring none, also where all bring one. */
export function gapLimits(arrivals: readonly Arrival[], tbtMs: number): readonly GapLimit[] {
  const gaps = new Map([[tbtMs, 0]]);
  for (const arrival of arrivals) {
    const own = arrival.tbtMs ?? tbtMs;
    gaps.set(own, (gaps.get(own) ?? 0) + arrival.outputTokens - 1);
  }
  return [...gaps].map(([limitMs, count]) => ({ tbtMs: limitMs, gaps: count }));
}

/** Collects the times of a trial, and knows early when a limit is broken for good. */
export class Tally {
  readonly #objectives: readonly GapTally[];
  readonly #delaysLateMax: number;
  readonly #delays = new Samples();
  readonly #ttfts = new Samples();
  #delaysLate = 0;

  /** @param limits at least one. */
  constructor(requests: number, limits: readonly GapLimit[]) {
    this.#objectives = limits.map((limit) => new GapTally(limit));
    this.#delaysLateMax = requests - Math.ceil(requests * DELAY_SHARE);
  }

  get isLost(): boolean {
    return this.#delaysLate > this.#delaysLateMax || this.#objectives.some(({ isLost }) => isLost);
  }

  /** What {@link addGap} calls the requests of an objective; those that bring none are 0. */
  objectiveOf(tbtMs: number | undefined): number {
    return Math.max(
      0,
      this.#objectives.findIndex((one) => one.tbtMs === tbtMs),
    );
  }

  /** A request has waited longer than it may, and has not begun. At most once each. */
  addOverdue(): void {
    this.#delaysLate += 1;
  }

  /** @param wasOverdue it was counted as that already. */
  addDelay(delayMs: number, wasOverdue = false): void {
    this.#delays.add(delayMs);
    if (delayMs > DELAY_MS_MAX && !wasOverdue) this.#delaysLate += 1;
  }

  addFirst(ttftMs: number): void {
    this.#ttfts.add(ttftMs);
  }

  /** @param objective as {@link objectiveOf} gives it. */
  addGap(gapMs: number, objective = 0): void {
    this.#objectives[objective]!.add(gapMs);
  }

  result(ratePerSecond: number, durationMs: number, isCut: boolean): TrialResult {
    const gapsByObjective = this.#objectives.map(({ tbtMs, p99Ms }) => ({ tbtMs, gapP99Ms: p99Ms }));
    const pressing = gapsByObjective.reduce((a, b) => (b.gapP99Ms / b.tbtMs > a.gapP99Ms / a.tbtMs ? b : a));
    const tokens = this.#objectives.reduce((sum, { count }) => sum + count, this.#ttfts.count);
    const delayP50Ms = this.#delays.quantile(DELAY_SHARE);
    return {
      ratePerSecond,
      delayP50Ms,
      ttftP50Ms: this.#ttfts.quantile(0.5),
      ttftP99Ms: this.#ttfts.quantile(0.99),
      gapP99Ms: pressing.gapP99Ms,
      gapsByObjective,
      outputTokensPerSecond: (tokens * 1000) / durationMs,
      isWithin: !isCut && pressing.gapP99Ms <= pressing.tbtMs && delayP50Ms <= DELAY_MS_MAX,
      isCut,
    };
  }
}

/** The times between tokens of the requests with one objective. */
class GapTally {
  readonly tbtMs: number;
  readonly #lateMax: number;
  readonly #gaps = new Samples();
  #late = 0;

  constructor({ tbtMs, gaps }: GapLimit) {
    this.tbtMs = tbtMs;
    this.#lateMax = gaps - Math.ceil(gaps * GAP_SHARE);
  }

  add(gapMs: number): void {
    this.#gaps.add(gapMs);
    if (gapMs > this.tbtMs) this.#late += 1;
  }

  get isLost(): boolean {
    return this.#late > this.#lateMax;
  }

  get count(): number {
    return this.#gaps.count;
  }

  get p99Ms(): number {
    return this.#gaps.quantile(GAP_SHARE);
  }
}
