const charactersMax = 1_000_000;

/**
 * Cuts a server-sent event stream into the payloads of its `data:` lines, whatever the pieces it arrives in. Only what
 * completion servers send is read: an event is one `data:` line; comments and other fields are skipped.
 */
export class SseData {
  readonly #decoder = new TextDecoder();
  #rest = '';

  /**
   * The payloads that `bytes` completed, in order.
   * @throws Error when a line is longer than 1,000,000 characters.
   */
  push(bytes: Uint8Array): string[] {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const payloads: string[] = [];
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = text.slice(start, text[end - 1] === '\r' ? end - 1 : end);
      if (line.startsWith('data:')) payloads.push(line.slice(line[5] === ' ' ? 6 : 5));
      start = end + 1;
    }
    this.#rest = text.slice(start);
    if (this.#rest.length > charactersMax) throw new Error(`a line of the stream exceeds ${charactersMax} characters`);
    return payloads;
  }
}
