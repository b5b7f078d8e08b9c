import { ServingError } from '@sluice/shared';

/** What a piece of generated text leads to: text that may be shown, and the stop string met, if one was. */
export interface StopOutcome {
  readonly text: string;
  readonly stop: string | undefined;
}

/**
 * Watches one sequence's text for its stop strings. Text that may be the beginning of one is held back, everything before
 * it is passed on at once. The stop string that is complete first is the one met (of several that end together, the
 * longest), so the outcome does not depend on how the text was cut into pieces. One character costs O(stop strings),
 * amortised (Knuth, Morris, Pratt).
 */
export class StopStrings {
  readonly #watches: readonly Watch[];
  #held = '';

  /** @throws ServingError `invalid_request`, field `stop`, for an empty stop string: it would be met by any text. */
  constructor(stops: readonly string[]) {
    this.#watches = stops.map((stop, index) => {
      if (stop !== '') return new Watch(stop);
      throw new ServingError('invalid_request', `stop[${index}] must not be empty`, { field: `stop[${index}]` });
    });
  }

  /** After a stop string was met nothing more may be pushed: the text is over. */
  push(text: string): StopOutcome {
    if (this.#watches.length === 0) return { text, stop: undefined };
    const seen = this.#held + text;
    let heldLength = this.#held.length;
    for (let index = this.#held.length; index < seen.length; index++) {
      const unit = seen.charCodeAt(index);
      heldLength = 0;
      let met: string | undefined;
      for (const watch of this.#watches) {
        const matched = watch.advance(unit);
        if (matched === watch.stop.length && matched > (met?.length ?? 0)) met = watch.stop;
        if (matched > heldLength) heldLength = matched;
      }
      if (met !== undefined) {
        this.#held = '';
        return { text: seen.slice(0, index + 1 - met.length), stop: met };
      }
    }
    this.#held = seen.slice(seen.length - heldLength);
    return { text: seen.slice(0, seen.length - heldLength), stop: undefined };
  }

  /** The text ended otherwise: what is held back is text after all. */
  flush(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }
}

/** How much of one stop string the text ends with. */
class Watch {
  readonly stop: string;
  /** By matched length minus one: how much still matches when the next character does not. */
  readonly #fallbacks: Int32Array;
  #matched = 0;

  constructor(stop: string) {
    this.stop = stop;
    this.#fallbacks = fallbacksOf(stop);
  }

  /** UTF-16 units of the stop string that are matched after one more; its whole length when it is complete. */
  advance(unit: number): number {
    while (this.#matched > 0 && this.stop.charCodeAt(this.#matched) !== unit) {
      this.#matched = this.#fallbacks[this.#matched - 1] ?? 0;
    }
    if (this.stop.charCodeAt(this.#matched) === unit) this.#matched += 1;
    return this.#matched;
  }
}

function fallbacksOf(stop: string): Int32Array {
  const fallbacks = new Int32Array(stop.length);
  let matched = 0;
  for (let index = 1; index < stop.length; index++) {
    while (matched > 0 && stop[index] !== stop[matched]) matched = fallbacks[matched - 1] ?? 0;
    if (stop[index] === stop[matched]) matched += 1;
    fallbacks[index] = matched;
  }
  return fallbacks;
}
