/** Weights of one linear layer as MatMulNBits (com.microsoft) reads them: blocks of 32 along the input. */
export const BLOCK = 32;

const TILE = 32;

export interface Blocks {
  /** [rows, columns / 32, 32 * bits / 8]: unsigned, low half of a byte first where bits is 4. */
  readonly quants: Uint8Array;
  /** [rows, columns / 32]. */
  readonly scales: Float32Array;
  /** [rows, ceil(columns / 32 * bits / 8)], packed like `quants`; undefined: the middle of the range (128). */
  readonly zeroPoints: Uint8Array | undefined;
}

/**
 * Symmetric 8-bit blocks: weight ≈ scale * (quant - 128), scale = largest magnitude / 127. Weights that came as Q8_0
 * are kept exactly, as long as their largest quant is 127 (as ggml writes them). The scale that rounds a block best was
 * tried; docs/log.md says why it was taken back.
 * @param weights [rows, columns], row-major; columns a multiple of 32.
 */
export function quantize8(weights: Float32Array): Blocks {
  const blocks = weights.length / BLOCK;
  const quants = new Uint8Array(weights.length);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const start = block * BLOCK;
    let largest = 0;
    for (let i = start; i < start + BLOCK; i++) {
      const magnitude = Math.abs(weights[i]!);
      if (magnitude > largest) largest = magnitude;
    }
    const scale = Math.fround(largest / 127);
    const inverse = scale > 0 ? 1 / scale : 0;
    scales[block] = scale;
    for (let i = start; i < start + BLOCK; i++) {
      quants[i] = Math.max(0, Math.min(255, Math.round(weights[i]! * inverse) + 128));
    }
  }
  return { quants, scales, zeroPoints: undefined };
}

/**
 * 4-bit blocks with a zero point: weight ≈ scale * (quant - zero point), both 0 to 15. The range always spans 0, so
 * that a zero weight stays zero.
 * @param weights [rows, columns], row-major.
 * @param columns a multiple of 32.
 */
export function quantize4(weights: Float32Array, columns: number): Blocks {
  const blocks = weights.length / BLOCK;
  const blocksPerRow = columns / BLOCK;
  const zeroBytesPerRow = Math.ceil(blocksPerRow / 2);
  const rows = weights.length / columns;
  const quants = new Uint8Array(weights.length / 2);
  const scales = new Float32Array(blocks);
  const zeroPoints = new Uint8Array(rows * zeroBytesPerRow);
  for (let block = 0; block < blocks; block++) {
    const start = block * BLOCK;
    let low = 0;
    let high = 0;
    for (let i = start; i < start + BLOCK; i++) {
      const weight = weights[i]!;
      if (weight < low) low = weight;
      if (weight > high) high = weight;
    }
    const scale = Math.fround((high - low) / 15);
    const inverse = scale > 0 ? 1 / scale : 0;
    const zero = nibble(-low * inverse);
    scales[block] = scale;
    const blockInRow = block % blocksPerRow;
    const zeroByte = Math.floor(block / blocksPerRow) * zeroBytesPerRow + (blockInRow >> 1);
    zeroPoints[zeroByte]! |= zero << ((blockInRow & 1) * 4);
    for (let i = 0; i < BLOCK; i += 2) {
      const first = nibble(weights[start + i]! * inverse + zero);
      const second = nibble(weights[start + i + 1]! * inverse + zero);
      quants[(start + i) / 2] = first | (second << 4);
    }
  }
  return { quants, scales, zeroPoints };
}

/** [rows, columns] to [columns, rows], as MatMul wants its right-hand side. */
export function transpose(weights: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(weights.length);
  // In tiles, so that neither side leaves the processor's nearest memory.
  for (let firstRow = 0; firstRow < rows; firstRow += TILE) {
    const endRow = Math.min(firstRow + TILE, rows);
    for (let firstColumn = 0; firstColumn < columns; firstColumn += TILE) {
      const endColumn = Math.min(firstColumn + TILE, columns);
      for (let column = firstColumn; column < endColumn; column++) {
        for (let row = firstRow; row < endRow; row++) out[column * rows + row] = weights[row * columns + column]!;
      }
    }
  }
  return out;
}

function nibble(value: number): number {
  return Math.max(0, Math.min(15, Math.round(value)));
}
