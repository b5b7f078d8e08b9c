/** The share of quotes that shall hold. */
export const QUOTES_HELD = 0.95;

/** Where nothing was learnt yet a first token may take so many times what was predicted. */
const MARGIN = 2;
const MARGIN_MIN = 1;
const MARGIN_MAX = 20;
/** A quote that was broken widens the margin by so large a share of itself. */
const GAIN = 0.1;
/** What no prediction knows of: a step under way, the wire, a busy machine. Milliseconds. */
const FLOOR_MS = 50;

/**
 * Quotes of the time to a first token: what was predicted, times a margin that is learnt so that 95 in 100 quotes hold. Is
 * a quote broken the margin grows; each that holds takes a nineteenth of that back.
 */
export class Quotes {
  #margin = MARGIN;
  #held = 0;
  #broken = 0;

  get held(): number {
    return this.#held;
  }

  get broken(): number {
    return this.#broken;
  }

  get marginRatio(): number {
    return this.#margin;
  }

  /** Whole milliseconds within which the first token is likely to come. */
  quoteMs(predictedMs: number): number {
    return Math.ceil(FLOOR_MS + predictedMs * this.#margin);
  }

  /** Learns how a quote went. A request that ended without a token says nothing. */
  settle(quotedMs: number, actualMs: number): void {
    const isHeld = actualMs <= quotedMs;
    if (isHeld) this.#held += 1;
    else this.#broken += 1;
    const change = isHeld ? -GAIN * (1 - QUOTES_HELD) : GAIN * QUOTES_HELD;
    this.#margin = Math.min(MARGIN_MAX, Math.max(MARGIN_MIN, this.#margin * Math.exp(change)));
  }
}
