import { BLOCK, type Blocks } from '../quantize.js';

/** The weights that blocks stand for, in the plainest form. @param columns of a row, for the packing of zero points. */
export function blocksToFloats({ quants, scales, zeroPoints }: Blocks, bits: 4 | 8, columns: number): Float32Array {
  const blocksPerRow = columns / BLOCK;
  const zeroBytesPerRow = Math.ceil((blocksPerRow * bits) / 8);
  return Float32Array.from({ length: scales.length * BLOCK }, (_, index) => {
    const block = Math.floor(index / BLOCK);
    const row = Math.floor(block / blocksPerRow);
    const zero = zeroPoints?.subarray(row * zeroBytesPerRow, (row + 1) * zeroBytesPerRow);
    const zeroPoint = zero === undefined ? 2 ** (bits - 1) : unpack(zero, block % blocksPerRow, bits);
    return scales[block]! * (unpack(quants, index, bits) - zeroPoint);
  });
}

function unpack(bytes: Uint8Array, index: number, bits: 4 | 8): number {
  if (bits === 8) return bytes[index]!;
  const byte = bytes[index >> 1]!;
  return index % 2 === 0 ? byte & 15 : byte >> 4;
}
