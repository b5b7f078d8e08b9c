import { feedbackOf, type InputMoments } from './input-moments.js';
import { type SubtractProduct, withProducts } from './matrix-products.js';
import { transpose } from './quantize.js';

/** Weights of one linear layer with one scale for each output. */
export interface Channels {
  /** [columns, rows], row-major: as a right-hand side. -127 to 127. */
  readonly quants: Int8Array;
  /** [rows] */
  readonly scales: Float32Array;
}

const LARGEST_QUANT = 127;
/** Channels that take over errors at once; those behind them do so in one product of matrices. */
const STRIPE = 16;

/**
 * weight ≈ scale of its row * quant, scale = the row's largest magnitude / 127. With moments, what the rounding of a weight
 * does to the layer's output is taken back, as far as can be, by those behind it in its row (GPTQ, Frantar et al. 2023);
 * without, each is rounded to the nearest.
 * @param weights [rows, columns], row-major.
 */
export function quantizeChannels(weights: Float32Array, columns: number, moments?: InputMoments): Channels {
  const rows = weights.length / columns;
  const scales = Float32Array.from({ length: rows }, (_, row) => {
    let largest = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      const magnitude = Math.abs(weights[i]!);
      if (magnitude > largest) largest = magnitude;
    }
    return largest / LARGEST_QUANT;
  });
  const inputs = transpose(weights, rows, columns);
  const quants = new Int8Array(weights.length);
  if (moments === undefined) {
    for (let column = 0; column < columns; column++) roundChannel(inputs, quants, scales, column * rows);
    return { quants, scales };
  }
  const { block } = moments;
  withProducts((subtractProduct) => {
    for (let index = 0; index * block < columns; index++) {
      const part = [index * block * rows, (index + 1) * block * rows] as const;
      const feedback = feedbackOf(moments, index);
      roundBlock(inputs.subarray(...part), quants.subarray(...part), scales, feedback, subtractProduct);
    }
  });
  return { quants, scales };
}

/** @param weights [block, rows]: overwritten; @param feedback [block, block], as {@link feedbackOf} gives it. */
function roundBlock(
  weights: Float32Array,
  quants: Int8Array,
  scales: Float32Array,
  feedback: Float32Array,
  subtractProduct: SubtractProduct,
): void {
  const rows = scales.length;
  const block = weights.length / rows;
  /** Of each weight, over its channel's diagonal. */
  const errors = new Float32Array(weights.length);
  for (let first = 0; first < block; first += STRIPE) {
    const end = Math.min(first + STRIPE, block);
    if (first > 0) {
      const shares = transposedPart(feedback, block, first, end);
      subtractProduct(weights.subarray(first * rows, end * rows), shares, errors.subarray(0, first * rows), rows);
    }
    for (let channel = first; channel < end; channel++) {
      const at = channel * rows;
      const diagonal = feedback[channel * block + channel]!;
      roundChannel(weights, quants, scales, at);
      for (let row = 0; row < rows; row++) {
        errors[at + row] = (weights[at + row]! - quants[at + row]! * scales[row]!) / diagonal;
      }
      for (let later = channel + 1; later < end; later++) {
        const share = feedback[channel * block + later]!;
        const to = later * rows;
        for (let row = 0; row < rows; row++) weights[to + row]! -= share * errors[at + row]!;
      }
    }
  }
}

/** Rounds the weights of one input, one for each scale. */
function roundChannel(weights: Float32Array, quants: Int8Array, scales: Float32Array, at: number): void {
  for (let row = 0; row < scales.length; row++) {
    const scale = scales[row]!;
    const quant = scale > 0 ? Math.round(weights[at + row]! / scale) : 0;
    quants[at + row] = Math.max(-LARGEST_QUANT, Math.min(LARGEST_QUANT, quant));
  }
}

/** Of rows 0 to `from`, columns `from` to `end`: [end - from, from]. */
function transposedPart(matrix: Float32Array, size: number, from: number, end: number): Float32Array {
  const part = new Float32Array((end - from) * from);
  for (let column = from; column < end; column++) {
    for (let row = 0; row < from; row++) part[(column - from) * from + row] = matrix[row * size + column]!;
  }
  return part;
}
