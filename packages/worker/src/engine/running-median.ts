/** The median and other quantiles of the last so many numbers, kept in order as they come. */
export class RunningMedian {
  /** By arrival, a ring. */
  readonly #ring: Float64Array;
  /** The same, rising; the rest is of no meaning. */
  readonly #rising: Float64Array;
  #added = 0;

  constructor(countMax: number) {
    this.#ring = new Float64Array(countMax);
    this.#rising = new Float64Array(countMax);
  }

  /** Of an even number the upper one of the two in the middle; 0 of none. */
  get value(): number {
    return this.#rising[this.#count >> 1] ?? 0;
  }

  /** Below which this share of them lies, [0, 1): the next one in order; 0 of none. */
  quantile(share: number): number {
    return this.#rising[Math.floor(share * this.#count)] ?? 0;
  }

  /** Takes the place of the oldest once there are as many as are kept. O(count), a few dozen nanoseconds for hundreds. */
  add(value: number): void {
    const place = this.#added % this.#ring.length;
    const count = this.#count;
    // The one that leaves makes the gap, and those between it and the new one's place move over.
    const gap = count < this.#ring.length ? count : this.#rankOf(this.#ring[place]!, count);
    const rank = this.#rankOf(value, count);
    if (rank <= gap) {
      this.#rising.copyWithin(rank + 1, rank, gap);
      this.#rising[rank] = value;
    } else {
      this.#rising.copyWithin(gap, gap + 1, rank);
      this.#rising[rank - 1] = value;
    }
    this.#ring[place] = value;
    this.#added += 1;
  }

  get #count(): number {
    return Math.min(this.#added, this.#ring.length);
  }

  /** How many of the first `count` are below the value. */
  #rankOf(value: number, count: number): number {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#rising[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
