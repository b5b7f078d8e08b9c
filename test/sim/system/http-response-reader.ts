/** Reads one HTTP/1.1 response as it comes, sized or in chunks. */
export class HttpResponseReader {
  status: number | undefined;
  #head: ReadonlyMap<string, string> = new Map();
  #bytes = Buffer.alloc(0);
  #body = Buffer.alloc(0);
  #isLastChunkRead = false;
  #eventsRead = 0;
  /** Of the last event that has come. */
  lastEventId: string | undefined;

  push(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.status === undefined) this.#readHead();
    if (this.status === undefined) return;
    if (this.header('transfer-encoding') === 'chunked') this.#readChunks();
    else this.#take(this.#bytes.length);
  }

  header(name: string): string | undefined {
    return this.#head.get(name);
  }

  get isEvents(): boolean {
    return this.header('content-type')?.startsWith('text/event-stream') === true;
  }

  get isWhole(): boolean {
    if (this.status === undefined) return false;
    const length = this.header('content-length');
    return length === undefined ? this.#isLastChunkRead : this.#body.length >= Number(length);
  }

  get body(): string {
    return this.#body.toString();
  }

  /** The data of server-sent events that have come since the last call. */
  takeEvents(): readonly string[] {
    const events: string[] = [];
    for (;;) {
      const end = this.#body.indexOf('\n\n', this.#eventsRead);
      if (end === -1) return events;
      const [, id, data] =
        /^(?:id: (.*)\n)?data: ([\s\S]*)$/.exec(this.#body.toString('utf8', this.#eventsRead, end)) ?? [];
      this.#eventsRead = end + 2;
      this.lastEventId = id ?? this.lastEventId;
      if (data !== undefined) events.push(data);
    }
  }

  #readHead(): void {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end === -1) return;
    const [first = '', ...lines] = this.#bytes.toString('latin1', 0, end).split('\r\n');
    this.#head = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    this.status = Number(first.split(' ')[1]);
    this.#bytes = this.#bytes.subarray(end + 4);
  }

  #readChunks(): void {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n');
      if (end === -1) return;
      const length = Number.parseInt(this.#bytes.toString('latin1', 0, end), 16);
      if (this.#bytes.length < end + 4 + length) return;
      this.#bytes = this.#bytes.subarray(end + 2);
      this.#take(length);
      this.#bytes = this.#bytes.subarray(2);
      if (length === 0) this.#isLastChunkRead = true;
    }
  }

  #take(length: number): void {
    this.#body = Buffer.concat([this.#body, this.#bytes.subarray(0, length)]);
    this.#bytes = this.#bytes.subarray(length);
  }
}
