import type { FastifyReply } from 'fastify';

/**
 * The events of one reply, on their way to its socket. A token costs one `write` here, and that call is most of what a
 * gateway does for it. `ServerResponse.write` would make of each event three pieces under a cork, gathered by `writev` in
 * the next tick: more than a third as dear again. So the chunks of `Transfer-Encoding: chunked` (RFC 9112, section 7.1) are made
 * here, each as one string. What goes before and behind the events, and what becomes of the connection, stays Node's.
 */
export class EventStream {
  readonly #response: FastifyReply['raw'];
  readonly #isChunked: boolean;
  #isHeadSent = false;

  /** Takes a response whose head is not written yet; the head leaves with the first events. */
  constructor(response: FastifyReply['raw'], headers: Readonly<Record<string, string>>) {
    response.writeHead(200, headers);
    this.#response = response;
    // False for clients of HTTP/1.0, who read until the connection closes.
    this.#isChunked = response.chunkedEncoding;
    // From here on Node passes on what it is given as it is.
    response.chunkedEncoding = false;
  }

  /** One or more whole events. */
  write(events: string): void {
    const { socket } = this.#response;
    const bytes = Buffer.byteLength(events);
    const text = this.#isChunked ? chunk(events, bytes) : events;
    // While an earlier reply on the same connection is being written there is no socket, and Node keeps the order.
    if (this.#isHeadSent && socket !== null) socket.write(text, encodingOf(events, bytes));
    else this.#response.write(text, encodingOf(events, bytes));
    this.#isHeadSent = true;
  }

  /** The last events. */
  end(events: string): void {
    const bytes = Buffer.byteLength(events);
    const text = this.#isChunked ? `${chunk(events, bytes)}0\r\n\r\n` : events;
    this.#response.end(text, encodingOf(events, bytes));
  }
}

/** Nothing for nothing: a chunk of no bytes would be the last one. */
function chunk(events: string, bytes: number): string {
  return bytes === 0 ? '' : `${bytes.toString(16)}\r\n${events}\r\n`;
}

/** As many bytes as characters: it is ASCII, which goes out without being transcoded. */
function encodingOf(events: string, bytes: number): 'latin1' | 'utf8' {
  return bytes === events.length ? 'latin1' : 'utf8';
}
