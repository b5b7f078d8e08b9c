/** Time as an argument, so that the whole system can run in simulated time. The real one is io/system-clock.ts. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes backwards. */
  nowMs(): number;
  /** Milliseconds since 1970, for records that people and other machines read. */
  wallMs(): number;
  /** Calls back once, `delayMs` from now. Returns a function that takes the call back. */
  after(delayMs: number, callback: () => void): () => void;
}
