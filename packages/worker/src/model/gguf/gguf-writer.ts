import { assert } from '@sluice/shared';
import { encodeTensor } from './encode-tensor.js';
import { type TensorType, tensorTypeNumber, tensorTypes } from './tensor-types.js';

/** Numbers of the value types in a file. */
const valueTypes = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

type NumberType = 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'float32' | 'float64';

/** A metadata value with the type that it is written as. */
export type TypedValue =
  | { readonly type: NumberType; readonly value: number }
  | { readonly type: 'uint64' | 'int64'; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'array'; readonly of: keyof typeof valueTypes; readonly value: readonly TypedValue[] };

/** Plain numbers are written as uint32 or int32 where they are whole and fit, else as float32. */
export type WritableValue = TypedValue | string | boolean | number | readonly string[] | readonly number[];

export interface WritableTensor {
  readonly name: string;
  readonly type: TensorType;
  /** Outermost first, row-major: [N, K] for N outputs and K inputs. */
  readonly shape: readonly number[];
  /** Numbers to encode (F32, F16, BF16, Q8_0, Q4_0 and Q4_1), or the blocks themselves (any type). */
  readonly data: Float32Array | Uint8Array;
}

export interface WritableGguf {
  readonly metadata: Readonly<Record<string, WritableValue>>;
  readonly tensors: readonly WritableTensor[];
  /** Bytes, a power of two; default 32. Written as `general.alignment` when given. */
  readonly alignment?: number;
  /** Default 3. */
  readonly version?: number;
}

/** The bytes of a GGUF file, little-endian, for small models that tests and examples make up. All in memory. */
export function writeGguf(gguf: WritableGguf): Uint8Array<ArrayBuffer> {
  const alignment = gguf.alignment ?? 32;
  const entries = Object.entries(gguf.metadata);
  if (gguf.alignment !== undefined) entries.push(['general.alignment', alignment]);
  const blocks = gguf.tensors.map(blocksOf);
  const parts: Uint8Array[] = [
    Buffer.from('GGUF'),
    uint32(gguf.version ?? 3),
    uint64(gguf.tensors.length),
    uint64(entries.length),
  ];
  for (const [key, value] of entries) {
    const typed = typedValue(value);
    parts.push(string(key), uint32(valueTypes[typed.type]), encodeValue(typed));
  }
  let offset = 0;
  for (const [index, tensor] of gguf.tensors.entries()) {
    parts.push(string(tensor.name), uint32(tensor.shape.length));
    for (const dimension of tensor.shape.toReversed()) parts.push(uint64(dimension));
    parts.push(uint32(tensorTypeNumber(tensor.type)), uint64(offset));
    offset += padded(blocks[index]!.length, alignment);
  }
  parts.push(padding(byteCountOf(parts), alignment));
  for (const bytes of blocks) parts.push(bytes, padding(bytes.length, alignment));
  return joined(parts);
}

function blocksOf(tensor: WritableTensor): Uint8Array {
  const valueCount = tensor.shape.reduce((product, dimension) => product * dimension, 1);
  const { blockCount, blockBytes } = tensorTypes[tensor.type];
  const bytes = tensor.data instanceof Float32Array ? encodeTensor(tensor.type, tensor.data) : tensor.data;
  assert(bytes.length === (valueCount / blockCount) * blockBytes, `data of tensor ${tensor.name} must fill its shape`);
  return bytes;
}

function typedValue(value: WritableValue): TypedValue {
  if (typeof value === 'string') return { type: 'string', value };
  if (typeof value === 'boolean') return { type: 'bool', value };
  if (typeof value === 'number') return { type: numberType([value]), value };
  if (!isList(value)) return value;
  if (isStrings(value)) return { type: 'array', of: 'string', value: value.map(typedValue) };
  const of = numberType(value);
  return { type: 'array', of, value: value.map((item) => ({ type: of, value: item })) };
}

function isList(
  value: TypedValue | readonly string[] | readonly number[],
): value is readonly string[] | readonly number[] {
  return Array.isArray(value);
}

function isStrings(list: readonly string[] | readonly number[]): list is readonly string[] {
  return typeof list[0] === 'string';
}

function numberType(values: readonly number[]): 'uint32' | 'int32' | 'float32' {
  if (values.every((value) => value === value >>> 0)) return 'uint32';
  return values.every((value) => value === (value | 0)) ? 'int32' : 'float32';
}

function encodeValue(typed: TypedValue): Uint8Array {
  switch (typed.type) {
    case 'string':
      return string(typed.value);
    case 'bool':
      return Uint8Array.of(typed.value ? 1 : 0);
    case 'array':
      return joined([uint32(valueTypes[typed.of]), uint64(typed.value.length), ...typed.value.map(encodeValue)]);
    case 'uint64':
      return bytesOf(BigUint64Array.of(typed.value));
    case 'int64':
      return bytesOf(BigInt64Array.of(typed.value));
    default:
      return bytesOf(numberArrays[typed.type].of(typed.value));
  }
}

const numberArrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

function string(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8');
  return joined([uint64(bytes.length), bytes]);
}

function uint32(value: number): Uint8Array {
  return bytesOf(Uint32Array.of(value));
}

function uint64(value: number): Uint8Array {
  return bytesOf(BigUint64Array.of(BigInt(value)));
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function padded(byteCount: number, alignment: number): number {
  return Math.ceil(byteCount / alignment) * alignment;
}

function padding(byteCount: number, alignment: number): Uint8Array {
  return new Uint8Array(padded(byteCount, alignment) - byteCount);
}

function byteCountOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteCountOf(parts));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
