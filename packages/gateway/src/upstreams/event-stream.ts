/** Characters of one event, its line ends aside; a chunk with 20 log-probabilities takes some thousand. */
const eventCharactersMax = 2 ** 20;

/**
 * Reads server-sent events (HTML standard, section 9.2) as they come: lines end with LF, CR or CRLF, comments are passed
 * over, `data` lines of one event are joined. Names and ids of events mean nothing in OpenAI's protocol.
 */
export class EventStream {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #onData: (data: string) => void;
  /** Of the line that is not complete. */
  #rest = '';
  #data: string | undefined;
  /** The last byte was a CR, which a LF may belong to. */
  #skipsLineFeed = false;

  constructor(onData: (data: string) => void) {
    this.#onData = onData;
  }

  /** @throws Error for bytes that are no UTF-8 and for an event that is too long; then nothing more can be read. */
  push(bytes: Uint8Array): void {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === '') return;
    if (this.#skipsLineFeed && text.startsWith('\n')) text = text.slice(1);
    this.#skipsLineFeed = text.endsWith('\r');
    let from = 0;
    lineEnd.lastIndex = 0;
    for (let end = lineEnd.exec(text); end !== null; end = lineEnd.exec(text)) {
      const line = this.#rest + text.slice(from, end.index);
      from = lineEnd.lastIndex;
      this.#rest = '';
      this.#take(line);
      // What hears of the data may read another stream meanwhile.
      lineEnd.lastIndex = from;
    }
    this.#rest += text.slice(from);
    if (this.#rest.length > eventCharactersMax) throw tooLong();
  }

  #take(line: string): void {
    if (line === '') {
      const data = this.#data;
      this.#data = undefined;
      if (data !== undefined) this.#onData(data);
    } else if (line.startsWith('data:')) {
      const value = line.slice(line[5] === ' ' ? 6 : 5);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
      if (this.#data.length > eventCharactersMax) throw tooLong();
    }
  }
}

const lineEnd = /\r\n|\n|\r/g;

function tooLong(): Error {
  return new Error(`an event is longer than ${eventCharactersMax} characters`);
}
