import type { HeaderCursor } from './header-cursor.js';
import type { MetadataValue } from './metadata.js';
import { isTensorType, type TensorType, tensorTypeName, tensorTypes } from './tensor-types.js';

/** One tensor as the file's table describes it. */
export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  /** Outermost dimension first: a weight of N outputs and K inputs is [N, K], row-major. */
  readonly shape: readonly number[];
  /** Product of the shape. */
  readonly valueCount: number;
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteCount: number;
}

export interface Header {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

const dimensionsMax = 4;
const nestingMax = 4;
const alignmentDefault = 32;

/**
 * Reads everything in front of the tensor data, after the GGUF specification in the ggml repository, docs/gguf.md.
 * Versions 2 and 3, little-endian.
 * @throws ServingError 'model_unusable' saying which field is wrong and where; NeedMoreBytes from the cursor.
 */
export function parseHeader(cursor: HeaderCursor, fileBytes: number): Header {
  const version = readVersion(cursor);
  const tensorCount = cursor.count('the tensor table', 8 + 4 + 4 + 8);
  const entryCount = cursor.count('the metadata', 8 + 4 + 1);
  const metadata = readMetadata(cursor, entryCount);
  const alignment = readAlignment(cursor, metadata);
  const rows = Array.from({ length: tensorCount }, (_, index) => readTensorRow(cursor, index));
  const dataOffset = Math.ceil(cursor.offset / alignment) * alignment;
  const tensors = new Map<string, TensorInfo>();
  for (const row of rows) {
    const tensor = placeTensor(cursor, row, dataOffset, alignment);
    if (tensors.has(tensor.name)) throw cursor.error(`tensor "${tensor.name}" is listed twice`);
    tensors.set(tensor.name, tensor);
  }
  checkLength(cursor, tensors.values(), fileBytes);
  return { version, metadata, tensors };
}

function readVersion(cursor: HeaderCursor): number {
  const magic = cursor.uint32('the magic number');
  if (magic !== 0x46554747) {
    throw cursor.error(`it begins with the bytes ${hexBytes(magic)} instead of 47 47 55 46 ("GGUF")`);
  }
  const version = cursor.uint32('the version');
  if (version === 2 || version === 3) return version;
  if ((version & 0xffff) === 0) throw cursor.error('it is big-endian; only little-endian files can be read');
  throw cursor.error(`GGUF version ${version} must be 2 or 3`);
}

function readMetadata(cursor: HeaderCursor, entryCount: number): Map<string, MetadataValue> {
  const metadata = new Map<string, MetadataValue>();
  for (let index = 0; index < entryCount; index++) {
    const key = cursor.string(`metadata key ${index}`);
    const what = `metadata "${printable(key)}"`;
    const type = cursor.uint32(`the type of ${what}`);
    metadata.set(key, readValue(cursor, type, what, 0));
  }
  return metadata;
}

type ValueReader = (cursor: HeaderCursor, what: string) => MetadataValue;

/** By the number of the value's type; 9, an array, is read by {@link readArray}. */
const valueReaders: Readonly<Record<number, { readonly bytes: number; readonly read: ValueReader }>> = {
  0: { bytes: 1, read: (cursor, what) => cursor.uint8(what) },
  1: { bytes: 1, read: (cursor, what) => cursor.int8(what) },
  2: { bytes: 2, read: (cursor, what) => cursor.uint16(what) },
  3: { bytes: 2, read: (cursor, what) => cursor.int16(what) },
  4: { bytes: 4, read: (cursor, what) => cursor.uint32(what) },
  5: { bytes: 4, read: (cursor, what) => cursor.int32(what) },
  6: { bytes: 4, read: (cursor, what) => cursor.float32(what) },
  7: { bytes: 1, read: (cursor, what) => cursor.uint8(what) !== 0 },
  8: { bytes: 8, read: (cursor, what) => cursor.string(what) },
  10: { bytes: 8, read: (cursor, what) => cursor.uint64(what) },
  11: { bytes: 8, read: (cursor, what) => cursor.int64(what) },
  12: { bytes: 8, read: (cursor, what) => cursor.float64(what) },
};
const arrayType = 9;

function readValue(cursor: HeaderCursor, type: number, what: string, depth: number): MetadataValue {
  if (type === arrayType) return readArray(cursor, what, depth + 1);
  const reader = valueReaders[type];
  if (reader === undefined) throw cursor.error(`${what} has type number ${type}, which must be 0 to 12`);
  return reader.read(cursor, what);
}

function readArray(cursor: HeaderCursor, what: string, depth: number): MetadataValue[] {
  if (depth > nestingMax) throw cursor.error(`${what} nests lists ${depth} deep; at most ${nestingMax}`);
  const type = cursor.uint32(`the item type of ${what}`);
  const count = cursor.count(what, type === arrayType ? 12 : (valueReaders[type]?.bytes ?? 1));
  const values: MetadataValue[] = [];
  for (let index = 0; index < count; index++) values.push(readValue(cursor, type, what, depth));
  return values;
}

function readAlignment(cursor: HeaderCursor, metadata: ReadonlyMap<string, MetadataValue>): number {
  const alignment = metadata.get('general.alignment') ?? alignmentDefault;
  if (typeof alignment === 'number' && Number.isInteger(Math.log2(alignment)) && alignment <= 2 ** 20) return alignment;
  throw cursor.error(`general.alignment ${String(alignment)} must be a power of two up to ${2 ** 20}`);
}

interface TensorRow {
  readonly name: string;
  readonly typeNumber: number;
  /** Innermost first, as in the file. */
  readonly dimensions: readonly (number | bigint)[];
  /** From the start of the data part. */
  readonly offset: number | bigint;
}

function readTensorRow(cursor: HeaderCursor, index: number): TensorRow {
  const name = printable(cursor.string(`the name of tensor ${index}`));
  const what = `tensor "${name}"`;
  const dimensionCount = cursor.uint32(`the dimensions of ${what}`);
  if (dimensionCount > dimensionsMax) {
    throw cursor.error(`${what} has ${dimensionCount} dimensions; at most ${dimensionsMax}`);
  }
  const dimensions = Array.from({ length: dimensionCount }, () => cursor.uint64(`the dimensions of ${what}`));
  const typeNumber = cursor.uint32(`the type of ${what}`);
  return { name, typeNumber, dimensions, offset: cursor.uint64(`the offset of ${what}`) };
}

function placeTensor(cursor: HeaderCursor, row: TensorRow, dataOffset: number, alignment: number): TensorInfo {
  const what = `tensor "${row.name}"`;
  const type = tensorTypeName(row.typeNumber);
  if (!isTensorType(type)) {
    const known = Object.keys(tensorTypes).join(', ');
    throw cursor.error(`${what} has the type ${type}, which is not supported (supported: ${known})`);
  }
  const { blockCount, blockBytes } = tensorTypes[type];
  const shape = row.dimensions.map(Number).reverse();
  const valueCount = shape.reduce((product, dimension) => product * dimension, 1);
  if (valueCount === 0 || !Number.isSafeInteger(valueCount * blockBytes)) {
    throw cursor.error(`${what} has the impossible shape [${shape.join(', ')}]`);
  }
  const rowCount = shape.at(-1) ?? 1;
  if (rowCount % blockCount !== 0) {
    throw cursor.error(
      `${what} has rows of ${rowCount} values, not a multiple of the ${blockCount} of a ${type} block`,
    );
  }
  if (typeof row.offset === 'bigint' || row.offset % alignment !== 0) {
    throw cursor.error(`${what} has the offset ${row.offset}, not a multiple of the alignment ${alignment}`);
  }
  const byteCount = (valueCount / blockCount) * blockBytes;
  return { name: row.name, type, shape, valueCount, byteOffset: dataOffset + row.offset, byteCount };
}

function checkLength(cursor: HeaderCursor, tensors: Iterable<TensorInfo>, fileBytes: number): void {
  let last: TensorInfo | undefined;
  for (const tensor of tensors) if (last === undefined || endOf(tensor) > endOf(last)) last = tensor;
  if (last === undefined || endOf(last) <= fileBytes) return;
  throw cursor.error(
    `cut short at byte ${fileBytes} of ${endOf(last)}: tensor "${last.name}" needs bytes ${last.byteOffset} to ${endOf(last)}`,
  );
}

function endOf(tensor: TensorInfo): number {
  return tensor.byteOffset + tensor.byteCount;
}

/** A name from a file that may be corrupt, short enough and clean enough for a line of text. */
function printable(text: string): string {
  const clean = text.replace(/\p{C}/gu, '\uFFFD');
  return clean.length > 100 ? `${clean.slice(0, 100)}…` : clean;
}

function hexBytes(word: number): string {
  return [0, 8, 16, 24].map((shift) => ((word >>> shift) & 0xff).toString(16).padStart(2, '0')).join(' ');
}
