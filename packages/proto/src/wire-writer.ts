/**
 * Writes one message at a time in the encoding of Protocol Buffers (protobuf.dev/programming-guides/encoding), from its end
 * to its beginning, into memory that it keeps: so the length of what is inside a field is known when it is time to write it.
 * Tags are one byte: a field's number, at most 15, and its wire type.
 */
export class WireWriter {
  readonly #bytes: Buffer;
  /** Of the first byte that is written; below 0 where there was no room. */
  #position: number;

  constructor(bytesMax: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytesMax);
    this.#position = bytesMax;
  }

  /** Forgets what was written. */
  clear(): void {
    this.#position = this.#bytes.length;
  }

  /** Where the field ends that is written next. */
  get end(): number {
    return this.#position;
  }

  /** A copy of what was written; undefined when there was no room for it. */
  copy(): Buffer | undefined {
    return this.#position < 0 ? undefined : Buffer.from(this.#bytes.subarray(this.#position));
  }

  /** @param value a whole number, at least 0. */
  varint(value: number): void {
    if (value < 128) {
      this.#position -= 1;
      this.#bytes[this.#position] = value;
      return;
    }
    let position = this.#position - varintBytes(value);
    this.#position = position;
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[position++] = (rest % 128) + 128;
    this.#bytes[position] = rest;
  }

  /** A field that is a number. */
  number(tag: number, value: number): void {
    this.varint(value);
    this.varint(tag);
  }

  /** The beginning of a field in which is what was written since {@link end} was this. */
  open(tag: number, end: number): void {
    this.varint(end - this.#position);
    this.varint(tag);
  }

  text(tag: number, text: string): void {
    const end = this.#position;
    const isShort = text.length <= SHORT_TEXT && isAscii(text);
    this.#position -= isShort ? text.length : Buffer.byteLength(text);
    if (isShort) for (let at = 0; at < text.length; at++) this.#bytes[this.#position + at] = text.charCodeAt(at);
    else if (this.#position >= 0) this.#bytes.write(text, this.#position);
    this.open(tag, end);
  }

  bytes(tag: number, bytes: Uint8Array): void {
    const end = this.#position;
    this.#position -= bytes.length;
    if (this.#position >= 0) this.#bytes.set(bytes, this.#position);
    this.open(tag, end);
  }
}

/** Up to here a loop is quicker than a call into the runtime. */
const SHORT_TEXT = 16;

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) >= 128) return false;
  return true;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
