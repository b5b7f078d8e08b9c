const lineBytesMax = 64 * 1024;

/**
 * Cuts a byte stream into lines, without their ends. A line longer than 64 KiB is given in pieces of that size, so that
 * nothing is held without bound.
 */
export class LineSplitter {
  readonly #listener: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = '';

  constructor(listener: (line: string) => void) {
    this.#listener = listener;
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#listener(line);
    while (this.#rest.length >= lineBytesMax) {
      this.#listener(this.#rest.slice(0, lineBytesMax));
      this.#rest = this.#rest.slice(lineBytesMax);
    }
  }

  /** Gives what is left when the stream has ended without a line's end. */
  end(): void {
    if (this.#rest !== '') this.#listener(this.#rest);
    this.#rest = '';
  }
}
