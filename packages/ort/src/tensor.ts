import koffi from 'koffi';
import type { Api } from './api.js';
import { type ElementType, elementTypes, naturalType, requireArrayOf, type TensorArray } from './element-type.js';
import type { MappedFile } from './mapped-file.js';
import { invalidArgument, OrtError } from './ort-error.js';

/** ORT takes any rank; a bound keeps the scratch for shapes in one place. */
const RANK_MAX = 16;
const shapeScratch = new BigInt64Array(RANK_MAX);
const shapeAddress = koffi.address(shapeScratch);

/** An OrtValue and what is needed to let go of it. */
interface NativeValue {
  readonly api: Api;
  readonly pointer: bigint;
}

/**
 * A shape over memory that exists: nothing is copied, the runtime reads and writes the array itself. The tensor keeps
 * its array (or mapped file) alive, and whatever uses the tensor (a binding, a session it is an initializer of) keeps
 * the tensor alive. The array must not be transferred to another thread meanwhile.
 */
export class Tensor {
  /** Row-major, outermost first; [] is a scalar, and a 0 makes an empty tensor. */
  readonly shape: readonly number[];
  readonly type: ElementType;
  /** The array it lies over; undefined over a mapped file. */
  readonly array: TensorArray | undefined;
  readonly #address: bigint;
  readonly #byteLength: number;
  readonly #file: MappedFile | undefined;
  #value: NativeValue | undefined;
  #holds = 0;
  #disposed = false;

  private constructor(memory: Memory, type: ElementType, shape: readonly number[]) {
    this.shape = shape;
    this.type = type;
    this.array = memory.array;
    this.#address = memory.address;
    this.#byteLength = memory.byteLength;
    this.#file = memory.file;
  }

  /**
   * A tensor over an array or a view of one (`subarray`). The array may be longer than the shape needs, so that one
   * buffer serves batches of every size. `type` is only needed where the array leaves it open: 'float16' or 'bfloat16'
   * over a Uint16Array, 'bool' over a Uint8Array.
   *
   * Throws `OrtError` (`INVALID_ARGUMENT`) for a shape larger than the array, with a negative or fractional dimension,
   * or for an array that cannot hold the type.
   */
  static over(array: TensorArray, shape: readonly number[], type: ElementType = naturalType(array)): Tensor {
    requireArrayOf(type, array);
    const byteLength = bytesOf(type, shape);
    if (byteLength > array.byteLength) {
      throw invalidArgument(`shape [${shape}] of ${type} needs ${byteLength} bytes, the array has ${array.byteLength}`);
    }
    return new Tensor({ array, address: koffi.address(array), byteLength, file: undefined }, type, shape);
  }

  /**
   * A tensor over a part of a mapped file, read only: for weights. It must not be bound as an output.
   * `byteOffset` is counted from the file's start. Throws `OrtError` (`INVALID_ARGUMENT`) beyond the file's end.
   */
  static overMapped(file: MappedFile, byteOffset: number, type: ElementType, shape: readonly number[]): Tensor {
    const byteLength = bytesOf(type, shape);
    if (!Number.isSafeInteger(byteOffset) || byteOffset < 0 || byteOffset + byteLength > file.byteLength) {
      throw invalidArgument(
        `${byteLength} bytes at ${byteOffset} are not inside ${file.path}, which has ${file.byteLength} bytes`,
      );
    }
    const tensor = new Tensor(
      { array: undefined, address: file.address + BigInt(byteOffset), byteLength, file },
      type,
      shape,
    );
    return tensor;
  }

  /** Whether the runtime may not write to it. */
  get readOnly(): boolean {
    return this.#file !== undefined;
  }

  /**
   * Frees the native description, not the array. Bindings and sessions that hold the tensor keep it until they let go.
   * A tensor that is merely dropped is freed when it is collected. Twice is harmless.
   */
  dispose(): void {
    this.#disposed = true;
    if (this.#holds === 0) this.#free();
  }

  /** For this package: the OrtValue, made at the first use. */
  valueFor(api: Api, memoryInfo: bigint): bigint {
    if (this.#disposed) throw new OrtError('disposed', `the tensor [${this.shape}] of ${this.type} was disposed of`);
    if (this.#value !== undefined) {
      if (this.#value.api !== api) throw invalidArgument('the tensor is in use with another ONNX Runtime library');
      return this.#value.pointer;
    }
    for (let axis = 0; axis < this.shape.length; axis += 1) shapeScratch[axis] = BigInt(this.shape[axis] as number);
    const pointer = api.created((out) =>
      api.CreateTensorWithDataAsOrtValue(
        memoryInfo,
        this.#address,
        this.#byteLength,
        shapeAddress,
        this.shape.length,
        elementTypes[this.type].code,
        out,
      ),
    );
    this.#value = { api, pointer };
    forgotten.register(this, this.#value, this);
    return pointer;
  }

  /** For this package: nothing is freed between `hold` and the matching `letGo`. */
  hold(): void {
    this.#holds += 1;
  }

  letGo(): void {
    this.#holds -= 1;
    if (this.#holds === 0 && this.#disposed) this.#free();
  }

  #free(): void {
    if (this.#value === undefined) return;
    forgotten.unregister(this);
    this.#value.api.ReleaseValue(this.#value.pointer);
    this.#value = undefined;
  }
}

interface Memory {
  readonly array: TensorArray | undefined;
  readonly address: bigint;
  readonly byteLength: number;
  readonly file: MappedFile | undefined;
}

/** A convenience, not the way to free many: an OrtValue is small, but the collector does not know that it exists. */
const forgotten = new FinalizationRegistry<NativeValue>(({ api, pointer }) => api.ReleaseValue(pointer));

function bytesOf(type: ElementType, shape: readonly number[]): number {
  if (shape.length > RANK_MAX) throw invalidArgument(`rank ${shape.length} must be at most ${RANK_MAX}`);
  let bytes: number = elementTypes[type].elementBytes;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw invalidArgument(`dimension ${dimension} of shape [${shape}] must be an integer of at least 0`);
    }
    bytes *= dimension;
  }
  if (!Number.isSafeInteger(bytes)) throw invalidArgument(`shape [${shape}] of ${type} is too large`);
  return bytes;
}
