/** What a worker says of itself with every frame, and what routing and dashboards read. */
export interface LoadState {
  readonly state: 'ready' | 'draining';
  /** Sequences that hold a slot. */
  readonly running: number;
  /** Sequences that wait for one. */
  readonly waiting: number;
  /** Prompt tokens not yet computed, of running and waiting sequences. */
  readonly prefillTokensWaiting: number;
  readonly kvTokensUsed: number;
  readonly kvTokensMax: number;
  readonly slotsMax: number;
  /** Measured lately; 0 until there is a measurement. */
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  /** Milliseconds of the last step, plan to commit. */
  readonly stepMs: number;
  readonly steps: number;
  /** Median of |actual - predicted| / actual time of the last 200 passes; 0 until there is one. */
  readonly stepErrorRatio: number;
  /** Sequences that lost their slot since the worker started and were copied out. */
  readonly preemptionsCopied: number;
  /** The same, to be computed again. */
  readonly preemptionsRecomputed: number;
  /** Bytes of keys and values that are copied out at the moment. */
  readonly swapBytesUsed: number;
  /** Milliseconds between two forward passes, the median of the last 200; 0 until there are two. */
  readonly hostGapP50Ms: number;
  /** The same, which one in a hundred exceeds. */
  readonly hostGapP99Ms: number;
  /** Tokens that were guessed since the worker started. */
  readonly tokensDrafted: number;
  /** Those of them that were right. */
  readonly tokensAccepted: number;
}
