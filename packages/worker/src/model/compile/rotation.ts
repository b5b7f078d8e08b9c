import { assert, seededRng } from '@sluice/shared';

/**
 * An orthogonal matrix that leaves no channel standing out: what was in one is spread over all. Signs, then each run of
 * 2^k channels by a Hadamard matrix, then the runs among each other by a random orthogonal one. After QuaRot (Ashkboos et
 * al. 2024), whose sizes are all products of known Hadamard matrices.
 */
export class Rotation {
  readonly width: number;
  readonly #run: number;
  readonly #signs: Float32Array;
  /** [runs, runs], row-major. */
  readonly #mixing: Float64Array;

  /** @param width channels; always the same rotation for the same width. */
  constructor(width: number) {
    const rng = seededRng(width);
    this.width = width;
    this.#run = width & -width;
    this.#signs = Float32Array.from({ length: width }, () => (rng.next() < 0.5 ? -1 : 1));
    this.#mixing = orthogonal(width / this.#run, () => 2 * rng.next() - 1);
  }

  /** Turns every row in place. @param rows [any, width], row-major. */
  turn(rows: Float32Array): Float32Array {
    const { width } = this;
    assert(rows.length % width === 0, `rows of ${width}, not ${rows.length} numbers`);
    const run = this.#run;
    const runs = width / run;
    // In 64 bits, as JavaScript computes: converting each number of each sum would take most of the time.
    const before = new Float64Array(width);
    const after = new Float64Array(width);
    for (let row = 0; row < rows.length; row += width) {
      for (let i = 0; i < width; i++) before[i] = rows[row + i]! * this.#signs[i]!;
      spreadRuns(before, run);
      after.fill(0);
      for (let from = 0; from < runs; from++) {
        for (let to = 0; to < runs; to++) {
          const share = this.#mixing[from * runs + to]!;
          const target = to * run;
          const source = from * run;
          for (let i = 0; i < run; i++) after[target + i]! += share * before[source + i]!;
        }
      }
      rows.set(after, row);
    }
    return rows;
  }

  /** The inverse, of one row in place. @param row [width] */
  turnBack(row: Float64Array): Float64Array {
    const { width } = this;
    assert(row.length === width, `a row of ${width}, not ${row.length} numbers`);
    const run = this.#run;
    const runs = width / run;
    const turned = row.slice();
    row.fill(0);
    for (let from = 0; from < runs; from++) {
      for (let to = 0; to < runs; to++) {
        const share = this.#mixing[from * runs + to]!;
        for (let i = 0; i < run; i++) row[from * run + i]! += share * turned[to * run + i]!;
      }
    }
    spreadRuns(row, run);
    for (let i = 0; i < width; i++) row[i]! *= this.#signs[i]!;
    return row;
  }
}

/**
 * Multiplies every run of channels by a Hadamard matrix, in place: its own inverse, entries ±1 / √run.
 * @param values [any, run], row-major; run a power of two.
 */
export function spread<Values extends Float32Array | Float64Array>(values: Values, run: number): Values {
  const wide = new Float64Array(run);
  for (let start = 0; start < values.length; start += run) {
    for (let i = 0; i < run; i++) wide[i] = values[start + i]!;
    spreadRuns(wide, run);
    values.set(wide, start);
  }
  return values;
}

function spreadRuns(values: Float64Array, run: number): void {
  const norm = 1 / Math.sqrt(run);
  for (let start = 0; start < values.length; start += run) {
    for (let half = 1; half < run; half *= 2) {
      for (let pair = start; pair < start + run; pair += 2 * half) {
        for (let i = pair; i < pair + half; i++) {
          const a = values[i]!;
          const b = values[i + half]!;
          values[i] = a + b;
          values[i + half] = a - b;
        }
      }
    }
    for (let i = start; i < start + run; i++) values[i]! *= norm;
  }
}

/** [size, size]: random rows, each made orthogonal to those before it (Gram and Schmidt, twice for rounding). */
function orthogonal(size: number, random: () => number): Float64Array {
  const matrix = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const vector = matrix.subarray(row * size, (row + 1) * size);
    for (let i = 0; i < size; i++) vector[i] = random();
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < row; other++) {
        const against = matrix.subarray(other * size, (other + 1) * size);
        const share = vector.reduce((sum, value, i) => sum + value * against[i]!, 0);
        for (let i = 0; i < size; i++) vector[i]! -= share * against[i]!;
      }
    }
    const length = Math.hypot(...vector);
    for (let i = 0; i < size; i++) vector[i]! /= length;
  }
  return matrix;
}
