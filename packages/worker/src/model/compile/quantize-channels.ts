/** Weights of one linear layer with one scale for each output. */
export interface Channels {
  /** [columns, rows], row-major: as a right-hand side. -127 to 127. */
  readonly quants: Int8Array;
  /** [rows] */
  readonly scales: Float32Array;
}

const LARGEST_QUANT = 127;

/**
 * weight ≈ scale of its row * quant, scale = the row's largest magnitude / 127.
 * @param weights [rows, columns], row-major.
 */
export function quantizeChannels(weights: Float32Array, columns: number): Channels {
  const rows = weights.length / columns;
  const quants = new Int8Array(weights.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let largest = 0;
    for (let i = start; i < start + columns; i++) {
      const magnitude = Math.abs(weights[i]!);
      if (magnitude > largest) largest = magnitude;
    }
    const scale = Math.fround(largest / LARGEST_QUANT);
    const inverse = scale > 0 ? 1 / scale : 0;
    scales[row] = scale;
    for (let column = 0; column < columns; column++) {
      const quant = Math.round(weights[start + column]! * inverse);
      quants[column * rows + row] = Math.max(-LARGEST_QUANT, Math.min(LARGEST_QUANT, quant));
    }
  }
  return { quants, scales };
}
