import { invalidArgument } from './ort-error.js';

/** The typed arrays that a tensor may lie over. 16-bit floats are bit patterns in a Uint16Array, bools 0 or 1 in bytes. */
export type TensorArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

interface ElementRow {
  /** ONNXTensorElementDataType of onnxruntime_c_api.h, the same numbers as TensorProto.DataType. */
  readonly code: number;
  readonly elementBytes: number;
  readonly array: new (buffer: ArrayBuffer) => TensorArray;
}

export const elementTypes = {
  float32: row(1, Float32Array),
  uint8: row(2, Uint8Array),
  int8: row(3, Int8Array),
  uint16: row(4, Uint16Array),
  int16: row(5, Int16Array),
  int32: row(6, Int32Array),
  int64: row(7, BigInt64Array),
  bool: row(9, Uint8Array),
  float16: row(10, Uint16Array),
  float64: row(11, Float64Array),
  uint32: row(12, Uint32Array),
  uint64: row(13, BigUint64Array),
  bfloat16: row(16, Uint16Array),
} as const;

export type ElementType = keyof typeof elementTypes;

const namesByCode = new Map(Object.entries(elementTypes).map(([name, { code }]) => [code, name as ElementType]));

/** `undefined` for the types this package has no array for (strings, 4-bit, 8-bit floats, complex). */
export function elementTypeOf(code: number): ElementType | undefined {
  return namesByCode.get(code);
}

/** The type that an array has unless told otherwise. */
export function naturalType(array: TensorArray): ElementType {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof BigInt64Array) return 'int64';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof Uint8Array) return 'uint8';
  if (array instanceof Int8Array) return 'int8';
  if (array instanceof Uint16Array) return 'uint16';
  if (array instanceof Int16Array) return 'int16';
  if (array instanceof Uint32Array) return 'uint32';
  if (array instanceof Float64Array) return 'float64';
  return 'uint64';
}

/** Throws `OrtError` (`INVALID_ARGUMENT`) when values of `type` cannot be kept in such an array. */
export function requireArrayOf(type: ElementType, array: TensorArray): void {
  const wanted = elementTypes[type].array;
  if (array instanceof wanted) return;
  throw invalidArgument(`a ${type} tensor lies over a ${wanted.name}, not over a ${array.constructor.name}`);
}

function row(code: number, array: ElementRow['array'] & { readonly BYTES_PER_ELEMENT: number }): ElementRow {
  return { code, elementBytes: array.BYTES_PER_ELEMENT, array };
}
