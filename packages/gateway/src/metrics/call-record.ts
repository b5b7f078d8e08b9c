/** What is kept of one HTTP request for its log line and the metrics: numbers and names, never its text. */
export interface CallRecord {
  readonly requestId: string;
  readonly method: string;
  /** The route's pattern, or `unknown`. */
  readonly route: string;
  /** Who asked; empty: nobody in particular. */
  caller: string;
  readonly startMs: number;
  status: number;
  /** How generation ended: `stop`, `length`, `cancelled` or an error code. */
  finish: string | undefined;
  promptTokens: number;
  /** Of the prompt, found in the worker's prefix cache; 0 until the reply is finished. */
  cachedTokens: number;
  generatedTokens: number;
  /** Milliseconds from the arrival to the first token. */
  firstTokenMs: number | undefined;
}
