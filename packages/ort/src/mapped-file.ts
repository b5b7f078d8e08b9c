import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import koffi from 'koffi';
import { invalidArgument, OrtError } from './ort-error.js';
import { MADV_DONTNEED, memory } from './system-memory.js';

const PROT_READ = 1;
const MAP_PRIVATE = 2;
const MAP_FAILED = 2n ** 64n - 1n;
/** One read call takes at most 2 GiB. */
const READ_BYTES_MAX = 2 ** 30;

/**
 * A file as read-only memory. Where the system has mmap its pages are the page cache's: read when touched, shared with
 * every process that maps the file, dropped under pressure. On Windows the file is read once into memory of its own.
 * It stays as long as this object, or a tensor over it, is alive; then it is unmapped.
 */
export class MappedFile {
  readonly path: string;
  readonly byteLength: number;
  /** Where it begins in memory; 0 for an empty file. */
  readonly address: bigint;
  /** The memory itself where the file could not be mapped; kept here so that it lives as long as the object. */
  readonly #copy: Uint8Array | undefined;

  private constructor(path: string, byteLength: number, address: bigint, copy: Uint8Array | undefined) {
    this.path = path;
    this.byteLength = byteLength;
    this.address = address;
    this.#copy = copy;
  }

  /** For `mapFile`. */
  static of(path: string, descriptor: number, byteLength: number): MappedFile {
    if (byteLength === 0) return new MappedFile(path, 0, 0n, undefined);
    if (process.platform === 'win32') {
      const copy = readWhole(path, descriptor, byteLength);
      return new MappedFile(path, byteLength, koffi.address(copy), copy);
    }
    const address = memory().mmap(null, byteLength, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (typeof address !== 'bigint' || address === MAP_FAILED) {
      throw new OrtError('FAIL', `${path} (${byteLength} bytes) cannot be mapped: system error ${koffi.errno()}`);
    }
    const file = new MappedFile(path, byteLength, address, undefined);
    forgotten.register(file, { address, byteLength });
    return file;
  }

  /**
   * Lets go of the pages that were read, without unmapping: they are read again when touched. For weights that the
   * sessions have prepacked, it takes the file out of the resident size. Does nothing where the file is a copy.
   */
  dropPages(): void {
    if (this.#copy === undefined && this.byteLength > 0) {
      memory().madvise(this.address, this.byteLength, MADV_DONTNEED);
    }
  }

  /** A copy of a part; for looking into headers. Throws `OrtError` (`INVALID_ARGUMENT`) beyond the file's end. */
  read(byteOffset: number, byteLength: number): Uint8Array {
    if (!(byteOffset >= 0 && byteLength >= 0 && byteOffset + byteLength <= this.byteLength)) {
      const part = `${byteLength} bytes at ${byteOffset}`;
      throw invalidArgument(`${part} are not inside ${this.path}, which has ${this.byteLength} bytes`);
    }
    if (this.#copy !== undefined) return this.#copy.slice(byteOffset, byteOffset + byteLength);
    if (byteLength === 0) return new Uint8Array(0);
    return new Uint8Array(koffi.view(this.address + BigInt(byteOffset), byteLength)).slice();
  }
}

/** Throws the system's own error when the file cannot be opened or read, and `OrtError` when it cannot be mapped. */
export function mapFile(path: string): MappedFile {
  const descriptor = openSync(path, 'r');
  try {
    return MappedFile.of(path, descriptor, fstatSync(descriptor).size);
  } finally {
    closeSync(descriptor);
  }
}

const forgotten = new FinalizationRegistry<{ address: bigint; byteLength: number }>(({ address, byteLength }) => {
  memory().munmap(address, byteLength);
});

function readWhole(path: string, descriptor: number, byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  let done = 0;
  while (done < byteLength) {
    const count = readSync(descriptor, bytes, done, Math.min(byteLength - done, READ_BYTES_MAX), done);
    if (count === 0) throw new OrtError('FAIL', `${path} ended after ${done} of ${byteLength} bytes`);
    done += count;
  }
  return bytes;
}
