import { ServingError } from '@sluice/shared';

/** Thrown by a cursor that needs bytes which the file has but the buffer has not: read more and parse again. */
export class NeedMoreBytes extends Error {
  override readonly name = 'NeedMoreBytes';
  readonly bytesTo: number;

  constructor(bytesTo: number) {
    super(`needs the first ${bytesTo} bytes`);
    this.bytesTo = bytesTo;
  }
}

/**
 * Walks over the little-endian fields at the start of a file. Nothing is read behind the end, and no count is believed
 * before the file has been seen to be long enough for it, so a corrupt length costs no memory.
 */
export class HeaderCursor {
  readonly #fileName: string;
  readonly #fileBytes: number;
  /** The first bytes of the file, maybe not all. */
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(fileName: string, fileBytes: number, prefix: Uint8Array) {
    this.#fileName = fileName;
    this.#fileBytes = fileBytes;
    this.#buffer = Buffer.from(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  /** An error about what the cursor stands at. */
  error(problem: string): ServingError {
    return new ServingError('model_unusable', `${this.#fileName} is not a usable GGUF file: ${problem}`);
  }

  uint8(what: string): number {
    return this.#buffer.readUInt8(this.#take(1, what));
  }

  int8(what: string): number {
    return this.#buffer.readInt8(this.#take(1, what));
  }

  uint16(what: string): number {
    return this.#buffer.readUInt16LE(this.#take(2, what));
  }

  int16(what: string): number {
    return this.#buffer.readInt16LE(this.#take(2, what));
  }

  uint32(what: string): number {
    return this.#buffer.readUInt32LE(this.#take(4, what));
  }

  int32(what: string): number {
    return this.#buffer.readInt32LE(this.#take(4, what));
  }

  float32(what: string): number {
    return this.#buffer.readFloatLE(this.#take(4, what));
  }

  float64(what: string): number {
    return this.#buffer.readDoubleLE(this.#take(8, what));
  }

  uint64(what: string): number | bigint {
    return exact(this.#buffer.readBigUInt64LE(this.#take(8, what)));
  }

  int64(what: string): number | bigint {
    return exact(this.#buffer.readBigInt64LE(this.#take(8, what)));
  }

  /** UTF-8 behind its length; bytes that are not UTF-8 become U+FFFD. */
  string(what: string): string {
    const count = this.count(what, 1);
    const start = this.#take(count, what);
    return this.#buffer.toString('utf8', start, start + count);
  }

  /** A count of things that take at least `bytesEach` bytes each and come next. */
  count(what: string, bytesEach: number): number {
    const start = this.#offset;
    const count = this.uint64(`the length of ${what}`);
    const room = this.#fileBytes - this.#offset;
    if (typeof count === 'number' && count * bytesEach <= room) return count;
    throw this.error(
      `${what}: the count ${count} at byte ${start} needs at least ${bytesEach} bytes each, and ${room} bytes of ` +
        `${this.#fileBytes} are left (cut short or corrupt)`,
    );
  }

  #take(byteCount: number, what: string): number {
    const start = this.#offset;
    const end = start + byteCount;
    if (end > this.#fileBytes) {
      throw this.error(`cut short at byte ${this.#fileBytes}: ${what} needs bytes ${start} to ${end}`);
    }
    if (end > this.#buffer.length) throw new NeedMoreBytes(end);
    this.#offset = end;
    return start;
  }
}

function exact(value: bigint): number | bigint {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : value;
}
