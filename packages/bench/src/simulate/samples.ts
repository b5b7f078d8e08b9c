const FIRST_CAPACITY = 1_024;

/** Numbers in the order in which they came, eight bytes each: a fleet's trial has millions. */
export class Samples {
  #values = new Float64Array(FIRST_CAPACITY);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(2 * this.#count);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#count++] = value;
  }

  /** The least that at least so large a share of them does not exceed; 0 of none. O(count). */
  quantile(share: number): number {
    return quantile(this.#values.subarray(0, this.#count), share);
  }
}

/** The least value that at least so large a share of the values does not exceed; 0 of none. O(values). */
export function quantile(values: ArrayLike<number>, share: number): number {
  const left = Float64Array.from(values);
  return left.length === 0 ? 0 : select(left, Math.max(0, Math.ceil(share * left.length) - 1));
}

/** What would be at the index if the values were sorted; they are half sorted afterwards (Hoare's quickselect). */
function select(values: Float64Array, index: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1]!;
    let left = low;
    let right = high;
    while (left <= right) {
      while (values[left]! < pivot) left += 1;
      while (values[right]! > pivot) right -= 1;
      if (left > right) break;
      const moved = values[left]!;
      values[left++] = values[right]!;
      values[right--] = moved;
    }
    if (index <= right) high = right;
    else if (index >= left) low = left;
    else break;
  }
  return values[index]!;
}
