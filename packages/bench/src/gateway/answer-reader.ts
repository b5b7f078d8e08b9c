/** What the mocks say, again and again; with a number behind it where they count. */
const tokenMark = Buffer.from(' word');
const doneMark = Buffer.from('data: [DONE]');
const errorMark = Buffer.from('"error"');
const chunksEnd = Buffer.from('\r\n0\r\n\r\n');
const headEnd = Buffer.from('\r\n\r\n');
/** Of what was read, so much is looked at again, because a mark may be cut. */
const REST_BYTES = Math.max(tokenMark.length, doneMark.length, errorMark.length, chunksEnd.length) - 1;
const empty = Buffer.alloc(0);

/**
 * One answer over HTTP/1.1, read as it comes off the socket. It looks for marks instead of parsing, so that the load
 * costs less than what it loads.
 */
export class AnswerReader {
  #head = empty;
  #rest = empty;
  /** Of the body still to come; undefined: it comes in chunks, and the last one says so. */
  #bytesLeft: number | undefined;
  readonly #kept: Buffer[] | undefined;
  /** 0 until the head is whole. */
  status = 0;
  tokens = 0;
  /** `[DONE]` came. */
  isDone = false;
  /** An event told of an error. */
  hasError = false;
  /** The body is whole; the connection may be used again. */
  isOver = false;

  /** @param keepsText for {@link countsUp}. */
  constructor(keepsText = false) {
    this.#kept = keepsText ? [] : undefined;
  }

  /** Takes what came, however it is cut. Returns how many tokens were in it. */
  read(data: Buffer): number {
    if (this.status !== 0) return this.#body(data);
    this.#head = Buffer.concat([this.#head, data]);
    const end = this.#head.indexOf(headEnd);
    if (end < 0) return 0;
    const head = this.#head.toString('latin1', 0, end);
    this.status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#bytesLeft = length === undefined ? undefined : Number(length);
    // With the last two bytes of the head, behind which an empty body in chunks looks like any other.
    this.#rest = this.#head.subarray(end + 2, end + 4);
    return this.#body(this.#head.subarray(end + 4));
  }

  /** Whether the tokens were ` word1`, ` word2` and so on, none lost, repeated or out of turn. */
  countsUp(): boolean {
    const text = Buffer.concat(this.#kept ?? [])
      .toString('latin1')
      .replaceAll(/\r\n[0-9a-f]+\r\n/g, '');
    const numbers = Array.from(text.matchAll(/ word(\d+)/g), ([, number]) => Number(number));
    return numbers.length === this.tokens && numbers.every((number, index) => number === index + 1);
  }

  #body(data: Buffer): number {
    this.#kept?.push(data);
    const text = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let found = 0;
    let after = 0;
    for (let at = text.indexOf(tokenMark); at >= 0; at = text.indexOf(tokenMark, after)) {
      found += 1;
      after = at + tokenMark.length;
    }
    this.tokens += found;
    if (text.includes(doneMark)) this.isDone = true;
    if (text.includes(errorMark)) this.hasError = true;
    if (this.#bytesLeft === undefined) this.isOver = text.includes(chunksEnd);
    else {
      this.#bytesLeft -= data.length;
      this.isOver = this.#bytesLeft <= 0;
    }
    this.#rest = Buffer.from(text.subarray(Math.max(after, text.length - REST_BYTES)));
    return found;
  }
}
