import { ServingError } from '@sluice/shared';
import type { ByteSource } from './byte-source.js';
import { dequantize } from './dequantize/dequantize.js';
import { type Header, parseHeader, type TensorInfo } from './header.js';
import { HeaderCursor, NeedMoreBytes } from './header-cursor.js';
import { Metadata } from './metadata.js';

/** Covers the header of a model with 150,000 tokens in one read. */
const firstReadBytes = 8 * 2 ** 20;
/** Ten times what the largest vocabularies known take. */
const headerBytesMax = 256 * 2 ** 20;

/** A GGUF file that was checked to be whole: every tensor in its table lies inside it. Holds the file open. */
export class GgufFile {
  readonly path: string;
  readonly fileBytes: number;
  readonly version: number;
  readonly metadata: Metadata;
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #source: ByteSource;

  constructor(source: ByteSource, header: Header) {
    this.path = source.name;
    this.fileBytes = source.byteCount;
    this.version = header.version;
    this.metadata = new Metadata(source.name, header.metadata);
    this.tensors = header.tensors;
    this.#source = source;
  }

  /** @throws ServingError 'model_unusable' when there is no such tensor. */
  tensor(name: string): TensorInfo {
    const tensor = this.tensors.get(name);
    if (tensor !== undefined) return tensor;
    throw new ServingError('model_unusable', `${this.path} has no tensor "${name}"`);
  }

  /** The values in the order of the tensor's shape, row-major; a fresh array. Cost: one read and one pass. */
  async readTensor(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { type, valueCount } = this.tensor(name);
    return dequantize(type, await this.readTensorBytes(name), valueCount);
  }

  /** The tensor's blocks as they are in the file; a fresh array. */
  readTensorBytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const { byteOffset, byteCount } = this.tensor(name);
    return this.#source.read(byteOffset, byteCount);
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

/**
 * Reads the header of a GGUF file. The source stays open and belongs to the result; it is closed when this throws.
 * @throws ServingError 'model_unusable' naming the file and what is wrong with it.
 */
export async function readGguf(source: ByteSource): Promise<GgufFile> {
  try {
    return new GgufFile(source, await readHeader(source));
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
}

async function readHeader(source: ByteSource): Promise<Header> {
  let prefixBytes = Math.min(source.byteCount, firstReadBytes);
  for (;;) {
    const cursor = new HeaderCursor(source.name, source.byteCount, await source.read(0, prefixBytes));
    try {
      return parseHeader(cursor, source.byteCount);
    } catch (thrown) {
      if (!(thrown instanceof NeedMoreBytes)) throw thrown;
      if (thrown.bytesTo > headerBytesMax) throw cursor.error(`its header must be at most ${headerBytesMax} bytes`);
      prefixBytes = Math.min(source.byteCount, headerBytesMax, Math.max(4 * prefixBytes, thrown.bytesTo));
    }
  }
}
