import type { Forecast } from './first-token-forecast.js';

/** The share of quotes that shall hold. */
export const QUOTES_HELD = 0.95;

/** Of ratios a margin is this quantile: a little more than shall hold, because loads change while it learns. */
const QUANTILE = 0.98;
/** Ratios that are remembered, and from how many on they are gone by. */
const RATIOS_MAX = 128;
const RATIOS_MIN = 16;
/** Until then a first token may take so many times what was predicted. */
const MARGIN = 2;
const MARGIN_MIN = 1;
const MARGIN_MAX = 20;
/** One that takes more than the margin of now allows widens it by so large a share, as long as times get worse. */
const GAIN = 0.15;
const WIDENING_MAX = 4;
/** Those that wait for slots at the same time err together, so what the last crowd took says less of the next one. */
const CROWD_RATIO = 1.5;
/** What no prediction knows of: a step under way, the wire, a busy machine. Milliseconds. */
const FLOOR_MS = 50;

/** A quote that was given. */
export interface Quote {
  /** Whole milliseconds within which the first token is likely to come. */
  readonly ms: number;
  /** Learns how it went. To be called once at most: a request that ended without a token says nothing. */
  settle(actualMs: number): void;
}

/**
 * Quotes of the time to a first token: what was predicted, times a margin that is learnt so that 95 in 100 quotes hold. The
 * margin is a quantile of what the last first tokens took over what was predicted (split conformal prediction, of a moving
 * window), wider while more than 5 in 100 exceed it, as where a queue grows. Waits for slots err otherwise than prompts do, so each kind has a margin
 * of its own.
 */
export class Quotes {
  readonly #ofPrompts = new Margin(1);
  readonly #ofSlots = new Margin(CROWD_RATIO);
  #held = 0;
  #broken = 0;

  get held(): number {
    return this.#held;
  }

  get broken(): number {
    return this.#broken;
  }

  /** Of requests that wait for a slot, or not. */
  marginRatio(waitsForSlot: boolean): number {
    return (waitsForSlot ? this.#ofSlots : this.#ofPrompts).ratio;
  }

  quote({ ms: predictedMs, waitsForSlot }: Forecast): Quote {
    const margin = waitsForSlot ? this.#ofSlots : this.#ofPrompts;
    const ms = Math.ceil(FLOOR_MS + predictedMs * margin.ratio);
    return {
      ms,
      settle: (actualMs) => {
        if (actualMs <= ms) this.#held += 1;
        else this.#broken += 1;
        margin.learn((actualMs - FLOOR_MS) / Math.max(1, predictedMs));
      },
    };
  }
}

class Margin {
  /** On top of what was learnt. */
  readonly #slack: number;
  /** As they came, and in their order. */
  readonly #ratios: number[] = [];
  readonly #ascending: number[] = [];
  #widening = 1;

  constructor(slack: number) {
    this.#slack = slack;
  }

  get ratio(): number {
    const count = this.#ascending.length;
    if (count < RATIOS_MIN) return MARGIN;
    const rank = Math.min(count, Math.ceil(QUANTILE * (count + 1)));
    return Math.min(MARGIN_MAX, Math.max(MARGIN_MIN, this.#ascending[rank - 1]! * this.#slack * this.#widening));
  }

  learn(ratio: number): void {
    const change = ratio > this.ratio ? GAIN * QUOTES_HELD : -GAIN * (1 - QUOTES_HELD);
    this.#widening = Math.min(WIDENING_MAX, Math.max(1, this.#widening * Math.exp(change)));
    if (this.#ratios.length === RATIOS_MAX) this.#ascending.splice(this.#placeOf(this.#ratios.shift()!), 1);
    this.#ratios.push(ratio);
    this.#ascending.splice(this.#placeOf(ratio), 0, ratio);
  }

  /** The first that is not below it. */
  #placeOf(ratio: number): number {
    let low = 0;
    let high = this.#ascending.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ascending[middle]! < ratio) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
