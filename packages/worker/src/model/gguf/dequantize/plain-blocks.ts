import { halfAt } from './half.js';

/**
 * Blocks of 32 values with one scale, and in the `_1` types one minimum; layouts as in ggml's `ggml-common.h`. Four-bit
 * parts hold value i in the low and value i + 16 in the high half of byte i; the fifth bits are 32 bits of their own.
 * Products of a half and a small integer are exact, so nothing is rounded before the value is stored.
 */
const half = 16;

/** scale f16, 16 bytes of nibbles: scale * (q - 8). */
export function unpackQ4v0(bytes: Uint8Array, values: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 18, out += 32) {
    const scale = halfAt(bytes, at);
    for (let i = 0; i < half; i++) {
      const pair = bytes[at + 2 + i]!;
      values[out + i] = scale * ((pair & 15) - 8);
      values[out + half + i] = scale * ((pair >> 4) - 8);
    }
  }
}

/** scale f16, minimum f16, 16 bytes of nibbles: scale * q + minimum. */
export function unpackQ4v1(bytes: Uint8Array, values: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 20, out += 32) {
    const scale = halfAt(bytes, at);
    const minimum = halfAt(bytes, at + 2);
    for (let i = 0; i < half; i++) {
      const pair = bytes[at + 4 + i]!;
      values[out + i] = scale * (pair & 15) + minimum;
      values[out + half + i] = scale * (pair >> 4) + minimum;
    }
  }
}

/** scale f16, 4 bytes of fifth bits, 16 bytes of nibbles: scale * (q - 16). */
export function unpackQ5v0(bytes: Uint8Array, values: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 22, out += 32) {
    const scale = halfAt(bytes, at);
    const fifths = wordAt(bytes, at + 2);
    for (let i = 0; i < half; i++) {
      const pair = bytes[at + 6 + i]!;
      values[out + i] = scale * (((pair & 15) | (((fifths >>> i) & 1) << 4)) - 16);
      values[out + half + i] = scale * (((pair >> 4) | (((fifths >>> (i + half)) & 1) << 4)) - 16);
    }
  }
}

/** scale f16, minimum f16, 4 bytes of fifth bits, 16 bytes of nibbles: scale * q + minimum. */
export function unpackQ5v1(bytes: Uint8Array, values: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 24, out += 32) {
    const scale = halfAt(bytes, at);
    const minimum = halfAt(bytes, at + 2);
    const fifths = wordAt(bytes, at + 4);
    for (let i = 0; i < half; i++) {
      const pair = bytes[at + 8 + i]!;
      values[out + i] = scale * ((pair & 15) | (((fifths >>> i) & 1) << 4)) + minimum;
      values[out + half + i] = scale * ((pair >> 4) | (((fifths >>> (i + half)) & 1) << 4)) + minimum;
    }
  }
}

/** scale f16, 32 signed bytes: scale * q. */
export function unpackQ8v0(bytes: Uint8Array, values: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 34, out += 32) {
    const scale = halfAt(bytes, at);
    for (let i = 0; i < 32; i++) values[out + i] = scale * ((bytes[at + 2 + i]! << 24) >> 24);
  }
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24);
}
