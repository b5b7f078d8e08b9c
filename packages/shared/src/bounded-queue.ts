import { assert } from './assert.js';

/** First in, first out, at most `capacity` entries, O(1) both ends (a ring). What happens at the limit is the caller's. */
export class BoundedQueue<T> {
  readonly capacity: number;
  readonly #ring: (T | undefined)[] = [];
  #head = 0;
  #count = 0;

  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, `queue capacity ${capacity} must be a positive integer`);
    this.capacity = capacity;
  }

  get count(): number {
    return this.#count;
  }

  /** False, and nothing changed, when the queue is full. */
  push(item: T): boolean {
    if (this.#count === this.capacity) return false;
    this.#ring[(this.#head + this.#count) % this.capacity] = item;
    this.#count += 1;
    return true;
  }

  shift(): T | undefined {
    if (this.#count === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.capacity;
    this.#count -= 1;
    return item;
  }
}
