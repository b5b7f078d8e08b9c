/** A stream of random numbers that a seed decides, the same on every machine. */
export interface Rng {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
  /** Uniform whole number in [0, bound); `bound` from 1 to 2^32. */
  below(bound: number): number;
}

/**
 * sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, passes BigCrush, a few nanoseconds a number.
 * @param seed whole, 0 to 2^53.
 * @param stream whole, 0 to 2^32: streams of one seed are independent of each other.
 */
export function seededRng(seed: number, stream = 0): Rng {
  let a = (0x9e3779b9 + stream) | 0;
  let b = seed | 0;
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;
  const next32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next32();
  const next = (): number => next32() / 2 ** 32;
  return { next, below: (bound) => Math.floor(next() * bound) };
}
