import { assert } from '@sluice/shared';
import { type TensorType, tensorTypes } from '../tensor-types.js';
import { unpackBf16, unpackF16, unpackF32 } from './floats.js';
import { unpackQ4K, unpackQ5K, unpackQ6K } from './k-blocks.js';
import { unpackQ4v0, unpackQ4v1, unpackQ5v0, unpackQ5v1, unpackQ8v0 } from './plain-blocks.js';

/** Fills `values` from blocks that hold exactly as many. */
export type Unpack = (bytes: Uint8Array, values: Float32Array) => void;

const unpackers: Readonly<Record<TensorType, Unpack>> = {
  F32: unpackF32,
  F16: unpackF16,
  BF16: unpackBf16,
  Q4_0: unpackQ4v0,
  Q4_1: unpackQ4v1,
  Q5_0: unpackQ5v0,
  Q5_1: unpackQ5v1,
  Q8_0: unpackQ8v0,
  Q4_K: unpackQ4K,
  Q5_K: unpackQ5K,
  Q6_K: unpackQ6K,
};

/**
 * `valueCount` float32 values out of the blocks of a tensor, in order; equal to ggml's own to the bit. `valueCount` is a
 * multiple of the type's block. Cost: 1 to 4 ns a value.
 */
export function dequantize(type: TensorType, bytes: Uint8Array, valueCount: number): Float32Array<ArrayBuffer> {
  const { blockCount, blockBytes } = tensorTypes[type];
  assert(
    valueCount % blockCount === 0 && bytes.length === (valueCount / blockCount) * blockBytes,
    `${valueCount} values of ${type} cannot be ${bytes.length} bytes`,
  );
  const values = new Float32Array(valueCount);
  unpackers[type](bytes, values);
  return values;
}
