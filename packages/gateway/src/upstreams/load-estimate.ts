import type { LoadState } from '@sluice/shared';
import type { WorkerId, WorkerView } from '../routing/policy.js';
import type { UpstreamLoad } from './upstream-load.js';

/** A request as it counts. */
export interface CountedRequest {
  readonly promptTokens: number;
}

interface Count {
  /** How many reports had been asked for when it was sent. */
  readonly askedBefore: number;
  hasBegun: boolean;
}

/**
 * The load of an upstream: what its metrics said last, and what has been sent to it and has ended since; of one without
 * metrics, the requests that it has from here.
 */
export class LoadEstimate {
  readonly #requestsMax: number;
  readonly #counts = new Map<CountedRequest, Count>();
  #report: UpstreamLoad | undefined;
  /** Reports that were asked for. */
  #asked = 0;
  /** The number of the last one that came. */
  #reported = 0;
  #endedSince = 0;
  #unreported = 0;
  /** Of requests that wait for their first text. */
  #promptTokens = 0;

  constructor(requestsMax: number) {
    this.#requestsMax = requestsMax;
  }

  enter(request: CountedRequest): void {
    this.#counts.set(request, { askedBefore: this.#asked, hasBegun: false });
    this.#promptTokens += request.promptTokens;
    this.#unreported += 1;
  }

  /** Its first text has come. */
  begin(request: CountedRequest): void {
    const count = this.#counts.get(request);
    if (count === undefined || count.hasBegun) return;
    count.hasBegun = true;
    this.#promptTokens -= request.promptTokens;
  }

  leave(request: CountedRequest): void {
    this.begin(request);
    const count = this.#counts.get(request);
    if (count === undefined) return;
    this.#counts.delete(request);
    if (this.#isReported(count)) this.#endedSince += 1;
    else this.#unreported -= 1;
  }

  /** From here on a report counts what was sent before. */
  expectReport(): void {
    this.#asked += 1;
  }

  report(load: UpstreamLoad): void {
    this.#report = load;
    this.#reported = this.#asked;
    this.#endedSince = 0;
    this.#unreported = 0;
    for (const count of this.#counts.values()) if (!this.#isReported(count)) this.#unreported += 1;
  }

  forgetReport(): void {
    this.#report = undefined;
  }

  viewOf(id: WorkerId): WorkerView {
    const report = this.#report;
    const slotsMax = report?.slotsMax || this.#requestsMax;
    const counts =
      report === undefined
        ? { running: this.#counts.size, waiting: 0 }
        : { running: Math.max(0, report.running - this.#endedSince), waiting: report.waiting };
    const isFull = this.#counts.size >= this.#requestsMax;
    const load: LoadState = {
      ...unknownLoad,
      ...report,
      ...counts,
      // Whoever has no connection left waits before the upstream, and nobody may begin soon.
      ...(isFull ? { waiting: Math.max(counts.waiting, slotsMax) } : {}),
      slotsMax,
      prefillTokensWaiting: this.#promptTokens,
    };
    return { id, load, unreportedRequests: report === undefined ? 0 : this.#unreported, unreportedTokens: 0 };
  }

  #isReported({ askedBefore }: Count): boolean {
    return askedBefore < this.#reported;
  }
}

const unknownLoad: LoadState = {
  state: 'ready',
  running: 0,
  waiting: 0,
  prefillTokensWaiting: 0,
  kvTokensUsed: 0,
  kvTokensMax: 0,
  slotsMax: 0,
  prefillTokensPerSecond: 0,
  decodeTokensPerSecond: 0,
  stepMs: 0,
  steps: 0,
  stepErrorRatio: 0,
  preemptionsCopied: 0,
  preemptionsRecomputed: 0,
  swapBytesUsed: 0,
  hostGapP50Ms: 0,
  hostGapP99Ms: 0,
  tokensDrafted: 0,
  tokensAccepted: 0,
};
