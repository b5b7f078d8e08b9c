import { halfAt } from './half.js';

/**
 * Blocks of 256 values in parts that have scales of their own, themselves scaled by the block's; layouts as in ggml's
 * `ggml-common.h`. Every product but Q6_K's last is exact in float32, and that one is rounded once, so the values are
 * ggml's to the bit.
 */

/** scale f16, minimum scale f16, 12 bytes of six-bit scales and minimums, 128 bytes of nibbles. */
export function unpackQ4K(bytes: Uint8Array, values: Float32Array): void {
  const part = { scale: 0, minimum: 0 };
  for (let at = 0, out = 0; at < bytes.length; at += 144, out += 256) {
    for (let index = 0; index < 8; index++) {
      readPart(bytes, at, index, part);
      const nibbles = at + 16 + (index >> 1) * 32;
      const shift = (index & 1) * 4;
      for (let i = 0; i < 32; i++) {
        values[out + index * 32 + i] = part.scale * ((bytes[nibbles + i]! >> shift) & 15) - part.minimum;
      }
    }
  }
}

/** As Q4_K, with 32 bytes of fifth bits in front of the nibbles: bit p of byte i belongs to value i of part p. */
export function unpackQ5K(bytes: Uint8Array, values: Float32Array): void {
  const part = { scale: 0, minimum: 0 };
  for (let at = 0, out = 0; at < bytes.length; at += 176, out += 256) {
    for (let index = 0; index < 8; index++) {
      readPart(bytes, at, index, part);
      const fifths = at + 16;
      const nibbles = at + 48 + (index >> 1) * 32;
      const shift = (index & 1) * 4;
      for (let i = 0; i < 32; i++) {
        const q = ((bytes[nibbles + i]! >> shift) & 15) | (((bytes[fifths + i]! >> index) & 1) << 4);
        values[out + index * 32 + i] = part.scale * q - part.minimum;
      }
    }
  }
}

/** 128 bytes of nibbles, 64 bytes of upper bit pairs, 16 signed bytes of scales, scale f16: scale * (q - 32). */
export function unpackQ6K(bytes: Uint8Array, values: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 210, out += 256) {
    const blockScale = halfAt(bytes, at + 208);
    for (let index = 0; index < 8; index++) {
      // Each half of the block has four runs of 32: two in the low, then two in the high nibbles of its 64 bytes.
      const nibbles = at + (index >> 2) * 64 + (index & 1) * 32;
      const uppers = at + 128 + (index >> 2) * 32;
      const shift = ((index >> 1) & 1) * 4;
      const upperShift = (index & 3) * 2;
      for (let i = 0; i < 32; i++) {
        const scale = blockScale * ((bytes[at + 192 + index * 2 + (i >> 4)]! << 24) >> 24);
        const q = ((bytes[nibbles + i]! >> shift) & 15) | (((bytes[uppers + i]! >> upperShift) & 3) << 4);
        values[out + index * 32 + i] = scale * (q - 32);
      }
    }
  }
}

/** Scale and minimum of part `index` of the eight in a Q4_K or Q5_K block that begins at `at`. */
function readPart(bytes: Uint8Array, at: number, index: number, part: { scale: number; minimum: number }): void {
  const packed = at + 4;
  const lane = index & 3;
  const scaleByte = bytes[packed + lane]!;
  const minimumByte = bytes[packed + 4 + lane]!;
  // The last four parts have their low four bits in bytes 8 to 11 and their upper two above the first four's six.
  const shared = bytes[packed + 8 + lane]!;
  const scale = index < 4 ? scaleByte & 63 : (shared & 15) | ((scaleByte >> 6) << 4);
  const minimum = index < 4 ? minimumByte & 63 : (shared >> 4) | ((minimumByte >> 6) << 4);
  part.scale = halfAt(bytes, at) * scale;
  part.minimum = halfAt(bytes, at + 2) * minimum;
}
