import { type TensorType, tensorTypes } from './tensor-types.js';

/** Writes one block of values at `at`. */
type EncodeBlock = (view: DataView, at: number, values: Float32Array) => void;

const encoders: Partial<Record<TensorType, EncodeBlock>> = {
  F32: (view, at, values) => view.setFloat32(at, values[0]!, true),
  F16: (view, at, values) => view.setUint16(at, halfBits(values[0]!), true),
  BF16: (view, at, values) => {
    view.setFloat32(at, values[0]!, true);
    // Cut off, not rounded: good enough for made-up weights.
    view.setUint16(at, view.getUint16(at + 2, true), true);
  },
  Q8_0: encodeQ8v0,
  Q4_0: encodeQ4v0,
  Q4_1: encodeQ4v1,
};

/**
 * Blocks that hold `values` as nearly as the type can. Not tuned: for made-up models, not for quantising real ones.
 * @throws Error for a type that cannot be encoded (Q5 and K types) or a count that does not fill its blocks.
 */
export function encodeTensor(type: TensorType, values: Float32Array): Uint8Array<ArrayBuffer> {
  const { blockCount, blockBytes } = tensorTypes[type];
  const encode = encoders[type];
  if (encode === undefined) throw new Error(`tensor type ${type} cannot be encoded, give its blocks`);
  if (values.length % blockCount !== 0) throw new Error(`${values.length} values do not fill blocks of ${type}`);
  const blocks = values.length / blockCount;
  // BF16 borrows two bytes behind its own.
  const bytes = new Uint8Array(blocks * blockBytes + 2);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < blocks; block++) {
    encode(view, block * blockBytes, values.subarray(block * blockCount, (block + 1) * blockCount));
  }
  return bytes.slice(0, blocks * blockBytes);
}

function encodeQ8v0(view: DataView, at: number, values: Float32Array): void {
  const scale = Math.max(...values.map(Math.abs)) / 127;
  view.setUint16(at, halfBits(scale), true);
  for (let i = 0; i < 32; i++) view.setInt8(at + 2 + i, scale === 0 ? 0 : Math.round(values[i]! / scale));
}

function encodeQ4v0(view: DataView, at: number, values: Float32Array): void {
  const scale = Math.max(...values.map(Math.abs)) / 7;
  view.setUint16(at, halfBits(scale), true);
  const level = (value: number): number => (scale === 0 ? 8 : Math.round(value / scale) + 8);
  for (let i = 0; i < 16; i++) view.setUint8(at + 2 + i, level(values[i]!) | (level(values[i + 16]!) << 4));
}

function encodeQ4v1(view: DataView, at: number, values: Float32Array): void {
  const minimum = Math.min(...values);
  const scale = (Math.max(...values) - minimum) / 15;
  view.setUint16(at, halfBits(scale), true);
  view.setUint16(at + 2, halfBits(minimum), true);
  const level = (value: number): number => (scale === 0 ? 0 : Math.round((value - minimum) / scale));
  for (let i = 0; i < 16; i++) view.setUint8(at + 4 + i, level(values[i]!) | (level(values[i + 16]!) << 4));
}

/** The nearest half-precision number's bits, ties to even; what is too large becomes infinity. */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65_520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const steps = roundToEven(magnitude / 2 ** (exponent - 10));
  // A subnormal has fewer than 1,024 steps and exponent field 0; a carry from 2,047 to 2,048 steps lands where it should.
  return sign | (steps < 1024 ? steps : ((exponent + 15) << 10) + (steps - 1024));
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
