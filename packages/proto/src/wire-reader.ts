/**
 * Reads the encoding of Protocol Buffers. What is cut off or too long does not throw: it leaves {@link position} elsewhere
 * than where the message ends, which is for the caller to see.
 */
export class WireReader {
  readonly #bytes: Buffer;
  position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** At most 2^53. */
  varint(): number {
    let byte = this.#bytes[this.position++] ?? 0;
    if (byte < 128) return byte;
    let value = byte - 128;
    for (let unit = 128; byte >= 128 && unit < Number.MAX_SAFE_INTEGER; unit *= 128) {
      byte = this.#bytes[this.position++] ?? 0;
      value += (byte % 128) * unit;
    }
    return value;
  }

  /** Reads a length. @returns where the bytes end that it is of, which begin here. */
  open(): number {
    const length = this.varint();
    return this.position + length;
  }

  varints(into: number[]): void {
    const end = this.open();
    while (this.position < end && this.position < this.#bytes.length) into.push(this.varint());
  }

  text(): string {
    const end = this.open();
    const start = this.position;
    this.position = end;
    if (end - start > SHORT_TEXT) return this.#bytes.toString('utf8', start, end);
    let text = '';
    for (let at = start; at < end; at++) {
      const byte = this.#bytes[at] ?? 0;
      if (byte >= 128) return this.#bytes.toString('utf8', start, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** A view. */
  bytes(): Buffer {
    const end = this.open();
    const bytes = this.#bytes.subarray(this.position, end);
    this.position = end;
    return bytes;
  }
}

/** Bytes up to which a loop is quicker than a call into the runtime; a longer string would be made of parts. */
const SHORT_TEXT = 12;
