/**
 * Exponentially weighted mean of a rate's samples, weighted by how long each lasted: a sample of `halfLifeMs` counts as
 * much as everything before it. `undefined` until the first sample.
 */
export class Ewma {
  readonly #halfLifeMs: number;
  #mean: number | undefined;

  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs;
  }

  get value(): number | undefined {
    return this.#mean;
  }

  add(sample: number, durationMs: number): void {
    const keep = 0.5 ** (durationMs / this.#halfLifeMs);
    this.#mean = this.#mean === undefined ? sample : this.#mean * keep + sample * (1 - keep);
  }
}
