import { spread } from '../../model/compile/rotation.js';

const LARGEST_LEVEL = 127;

/** Sizes of a case. Rows of qkv are those of one sequence, from its first position on. */
export interface AttentionCase {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Whether the two channels that are rotated together are neighbours, or half a head apart. */
  readonly interleaved: boolean;
  /** Positions that a token sees, its own included; 0: all. */
  readonly window: number;
  readonly slots: number;
  readonly positions: number;
}

/**
 * qkv as attention reads it: rows times their scales, queries and keys rotated by their position.
 * @param qkv [tokens, (heads + 2 kvHeads) · headDim]
 * @param cos [positions, headDim / 2], as `sin`
 */
export function rotateAll(
  { heads, kvHeads, headDim, interleaved }: AttentionCase,
  qkv: Float32Array,
  scale: Float32Array,
  cos: Float32Array,
  sin: Float32Array,
): Float64Array {
  const width = (heads + 2 * kvHeads) * headDim;
  const half = headDim / 2;
  const out = Float64Array.from(qkv, (value, at) => value * scale[Math.floor(at / width)]!);
  for (let token = 0; token < scale.length; token++) {
    for (let head = 0; head < heads + kvHeads; head++) {
      const start = token * width + head * headDim;
      for (let i = 0; i < half; i++) {
        const a = start + (interleaved ? 2 * i : i);
        const b = start + (interleaved ? 2 * i + 1 : half + i);
        const [x, y] = [out[a]!, out[b]!];
        const [c, s] = [cos[token * half + i]!, sin[token * half + i]!];
        out[a] = x * c - y * s;
        out[b] = y * c + x * s;
      }
    }
  }
  return out;
}

/**
 * What is left of rotated qkv where heads of a token are kept as integers of 8 bits with a scale each: queries and keys
 * multiplied by a Hadamard matrix, in runs of the largest power of two of channels that a head is made of, and all rounded
 * to the nearest of 255 levels.
 */
export function inLevels({ heads, kvHeads, headDim }: AttentionCase, rotated: Float64Array): Float64Array {
  const run = headDim & -headDim;
  const out = new Float64Array(rotated.length);
  for (let at = 0; at < rotated.length; at += headDim) {
    const head = rotated.slice(at, at + headDim);
    const isValue = (at / headDim) % (heads + 2 * kvHeads) >= heads + kvHeads;
    const kept = isValue ? head : spread(head, run);
    const level = kept.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / LARGEST_LEVEL;
    out.set(level === 0 ? kept : kept.map((value) => Math.round(value / level) * level), at);
  }
  return out;
}

/** What each token gets, in the plain way. @returns [tokens, heads · headDim] */
export function attend(
  { heads, kvHeads, headDim, window }: AttentionCase,
  qkv: Float64Array,
  tokens: number,
): Float64Array {
  const width = (heads + 2 * kvHeads) * headDim;
  const out = new Float64Array(tokens * heads * headDim);
  for (let token = 0; token < tokens; token++) {
    const first = window === 0 ? 0 : Math.max(0, token + 1 - window);
    for (let head = 0; head < heads; head++) {
      const shared = Math.floor(head / (heads / kvHeads));
      const query = token * width + head * headDim;
      const scores = Array.from({ length: token + 1 - first }, (_, index) => {
        const key = (first + index) * width + (heads + shared) * headDim;
        let sum = 0;
        for (let i = 0; i < headDim; i++) sum += qkv[query + i]! * qkv[key + i]!;
        return sum / Math.sqrt(headDim);
      });
      const largest = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - largest));
      const total = weights.reduce((a, b) => a + b, 0);
      for (const [index, weight] of weights.entries()) {
        const value = (first + index) * width + (heads + kvHeads + shared) * headDim;
        for (let i = 0; i < headDim; i++) {
          out[(token * heads + head) * headDim + i]! += (weight / total) * qkv[value + i]!;
        }
      }
    }
  }
  return out;
}
