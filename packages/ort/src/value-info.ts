import koffi from 'koffi';
import type { Api } from './api.js';
import { type ElementType, elementTypeOf } from './element-type.js';
import { invalidArgument } from './ort-error.js';
import type { Tensor } from './tensor.js';

/** What a graph declares about one of its inputs or outputs. */
export interface ValueInfo {
  readonly name: string;
  /** Undefined for what this package has no arrays for: strings, 4-bit integers, sequences, maps. */
  readonly type: ElementType | undefined;
  /** -1 where a dimension is left open; undefined where even the rank is. */
  readonly shape: readonly number[] | undefined;
}

/** Type and shape of an OrtTensorTypeAndShapeInfo, which stays the caller's. */
export function tensorInfo(api: Api, info: bigint): Pick<ValueInfo, 'type' | 'shape'> {
  const type = elementTypeOf(api.counted((out) => api.GetTensorElementType(info, out)));
  if (!api.tensorHasShape(info)) return { type, shape: undefined };
  const rank = api.counted((out) => api.GetDimensionsCount(info, out));
  const dimensions = new BigInt64Array(rank);
  if (rank > 0) api.GetDimensions(info, koffi.address(dimensions), rank);
  return { type, shape: Array.from(dimensions, Number) };
}

export type Side = 'input' | 'output';

/** Inputs or outputs of a session, in the graph's order. */
export function valueInfos(api: Api, session: bigint, allocator: bigint, side: Side): ValueInfo[] {
  const [count, nameOf, typeOf] =
    side === 'input'
      ? [api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo]
      : [api.SessionGetOutputCount, api.SessionGetOutputName, api.SessionGetOutputTypeInfo];
  return Array.from({ length: api.counted((out) => count(session, out)) }, (_, index) => {
    const name = takeText(
      api,
      allocator,
      api.created((out) => nameOf(session, index, allocator, out)),
    );
    const typeInfo = api.created((out) => typeOf(session, index, out));
    try {
      // Belongs to the type information, and is NULL for what is not a tensor.
      const info = api.created((out) => api.CastTypeInfoToTensorInfo(typeInfo, out));
      return info === 0n ? { name, type: undefined, shape: undefined } : { name, ...tensorInfo(api, info) };
    } finally {
      api.ReleaseTypeInfo(typeInfo);
    }
  });
}

/** A string that the runtime allocated, which is freed. */
export function takeText(api: Api, allocator: bigint, pointer: bigint): string {
  const text = koffi.decode.string(pointer);
  api.AllocatorFree(allocator, pointer);
  return text;
}

/** Throws `OrtError` (`INVALID_ARGUMENT`), naming value and declaration, when the tensor cannot stand for the value. */
export function requireFit(side: Side, { name, type, shape }: ValueInfo, tensor: Tensor): void {
  if (tensor.type !== type) {
    throw invalidArgument(`${side} '${name}' is ${type ?? 'of no supported type'}, the tensor is ${tensor.type}`);
  }
  if (shape === undefined) return;
  const fits =
    shape.length === tensor.shape.length && shape.every((size, axis) => size === -1 || size === tensor.shape[axis]);
  if (!fits) {
    const declared = shape.map((size) => (size === -1 ? '?' : size)).join(', ');
    throw invalidArgument(`${side} '${name}' has shape [${declared}], the tensor [${tensor.shape.join(', ')}]`);
  }
}
