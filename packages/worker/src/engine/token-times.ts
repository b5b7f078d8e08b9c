import type { Objectives, Timeliness } from './sequence.js';

/** One gap in so many may be longer than the objective: its P99. */
const GAPS_PER_LATE_ONE = 100;

/** When a sequence's tokens came, as far as its objectives need it. */
export class TokenTimes implements Timeliness {
  readonly #arrivalMs: number;
  readonly #objectives: Objectives;
  #firstMs: number | undefined;
  #lastMs: number | undefined;
  #gaps = 0;
  #gapsLate = 0;

  constructor(arrivalMs: number, objectives: Objectives) {
    this.#arrivalMs = arrivalMs;
    this.#objectives = objectives;
  }

  /** Earlier tokens came from elsewhere: the next one follows them, as late as if the last had come on arrival. */
  resume(): void {
    this.#firstMs = this.#arrivalMs;
    this.#lastMs = this.#arrivalMs;
  }

  /** Undefined before the first token. */
  get lastMs(): number | undefined {
    return this.#lastMs;
  }

  get isTtftMet(): boolean {
    return this.#firstMs !== undefined && this.#firstMs - this.#arrivalMs <= this.#objectives.ttftMs;
  }

  get isTbtMet(): boolean {
    return this.#gapsLate * GAPS_PER_LATE_ONE <= this.#gaps;
  }

  add(nowMs: number): void {
    if (this.#lastMs === undefined) {
      this.#firstMs = nowMs;
    } else {
      this.#gaps += 1;
      if (nowMs - this.#lastMs > this.#objectives.tbtMs) this.#gapsLate += 1;
    }
    this.#lastMs = nowMs;
  }
}
