/** In front of each message: whether it is compressed, and its length, big-endian. */
const PREFIX_BYTES = 5;

/** A message as it goes over the wire. */
export function prefixed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** Takes the bytes of a gRPC stream apart into messages (grpc/doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message). */
export class MessageSplitter<Message> {
  readonly #bytesMax: number;
  readonly #read: (bytes: Buffer) => Message;
  /** Of a message that has not come whole. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  /** Bytes from which on there is more to know: a whole prefix, then a whole message. */
  #wantedBytes = PREFIX_BYTES;

  /** @param bytesMax of a message. */
  constructor(bytesMax: number, read: (bytes: Buffer) => Message) {
    this.#bytesMax = bytesMax;
    this.#read = read;
  }

  /**
   * @param take is called for each message that these bytes complete.
   * @returns what is wrong with them; then no more may be pushed.
   */
  push(bytes: Buffer, take: (message: Message) => void): Error | undefined {
    let rest = bytes;
    if (this.#partsBytes > 0) {
      this.#parts.push(bytes);
      this.#partsBytes += bytes.length;
      if (this.#partsBytes < this.#wantedBytes) return undefined;
      rest = Buffer.concat(this.#parts);
      this.#parts = [];
      this.#partsBytes = 0;
    }
    let start = 0;
    this.#wantedBytes = PREFIX_BYTES;
    while (rest.length - start >= PREFIX_BYTES) {
      const length = rest.readUInt32BE(start + 1);
      if (rest[start] !== 0) return new Error('a message is compressed, and none was to be');
      if (length > this.#bytesMax)
        return new Error(`a message has ${length} bytes; at most ${this.#bytesMax} are read`);
      const end = start + PREFIX_BYTES + length;
      if (end > rest.length) {
        this.#wantedBytes = PREFIX_BYTES + length;
        break;
      }
      const message = this.#messageIn(rest.subarray(start + PREFIX_BYTES, end));
      if (message instanceof Error) return message;
      take(message);
      start = end;
    }
    if (start < rest.length) {
      this.#parts.push(rest.subarray(start));
      this.#partsBytes = rest.length - start;
    }
    return undefined;
  }

  #messageIn(bytes: Buffer): Message | Error {
    try {
      return this.#read(bytes);
    } catch (cause) {
      return new Error(`a message cannot be read: ${cause}`, { cause });
    }
  }
}
