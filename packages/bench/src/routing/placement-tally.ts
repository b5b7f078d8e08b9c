import { quantile } from '../simulate/samples.js';

/** What came of one policy; milliseconds and shares. */
export interface PlacementResult {
  readonly requests: number;
  /** Workers by the largest share of requests that one got: 1 is even, the number of workers all on one. */
  readonly hotSpotRequests: number;
  /** The same of prompt tokens that workers computed. */
  readonly hotSpotTokens: number;
  readonly ttftP50Ms: number;
  readonly ttftP99Ms: number;
  /** Of prompt tokens, found in a worker's cache. */
  readonly cachedRatio: number;
  /** First token by predicted first token, median; null where nothing predicts. */
  readonly predictionP50: number | null;
}

/** Counts where requests went and how long they waited. */
export class PlacementTally {
  readonly #requests: number[];
  readonly #tokens: number[];
  readonly #waits: number[] = [];
  readonly #ratios: number[] = [];
  #promptTokens = 0;
  #cachedTokens = 0;

  constructor(workers: number) {
    this.#requests = Array(workers).fill(0);
    this.#tokens = Array(workers).fill(0);
  }

  /** Requests that have come to their end. */
  get ended(): number {
    return this.#requests.reduce((sum, count) => sum + count, 0);
  }

  addFirst(waitMs: number): void {
    this.#waits.push(waitMs);
  }

  addPrediction(ratio: number): void {
    this.#ratios.push(ratio);
  }

  /** A request has come to its end at a worker. */
  addEnd(worker: number, promptTokens: number, cachedTokens: number): void {
    this.#requests[worker]! += 1;
    this.#tokens[worker]! += promptTokens - cachedTokens;
    this.#promptTokens += promptTokens;
    this.#cachedTokens += cachedTokens;
  }

  result(): PlacementResult {
    return {
      requests: this.ended,
      hotSpotRequests: hotSpot(this.#requests),
      hotSpotTokens: hotSpot(this.#tokens),
      ttftP50Ms: quantile(this.#waits, 0.5),
      ttftP99Ms: quantile(this.#waits, 0.99),
      cachedRatio: this.#promptTokens === 0 ? 0 : this.#cachedTokens / this.#promptTokens,
      predictionP50: this.#ratios.length === 0 ? null : quantile(this.#ratios, 0.5),
    };
  }
}

/** Workers times the largest share; 0 where nothing was counted. */
export function hotSpot(counts: readonly number[]): number {
  const sum = counts.reduce((total, count) => total + count, 0);
  return sum === 0 ? 0 : (counts.length * Math.max(...counts)) / sum;
}
