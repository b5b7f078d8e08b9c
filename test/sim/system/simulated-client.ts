import type { Server } from 'node:http';
import { Duplex } from 'node:stream';
import type { SimulatedClock } from '../../../packages/bench/src/simulate/simulated-clock.js';
import { HttpResponseReader } from './http-response-reader.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { SystemEntry } from './system-history.js';
import type { AskedRequest } from './system-scenario.js';

/** How a request ended for its client. */
export interface ClientAnswer {
  /** `whole`: the reply came to its end; `cut`: its connection broke before; `left`: the client went away. */
  readonly ending: 'whole' | 'cut' | 'left';
  /** Undefined: no head came. */
  readonly status: number | undefined;
  readonly text: string;
  /** Of the last choice, and of the usage that came with it. */
  readonly finishReason: string | undefined;
  readonly completionTokens: number | undefined;
  readonly promptTokens: number | undefined;
  /** The code of an error body or error event. */
  readonly errorCode: string | undefined;
  readonly isDone: boolean;
  /** Events behind `[DONE]`, an error event, or a finish reason that had come already. */
  readonly eventsBehindEnd: number;
  readonly quoteMs: number | undefined;
}

/** A gateway that takes connections. */
export interface Door {
  readonly gateway: number;
  /** That the gateway is in. */
  readonly process: SimulatedProcess;
  readonly server: Server;
  /** The client has nothing to do with it any more. */
  readonly onLeft: () => void;
}

export interface ClientParts {
  readonly clock: SimulatedClock;
  readonly request: AskedRequest;
  readonly record: (entry: SystemEntry) => void;
  /** Where it goes when its connection breaks in the middle of a stream, the first time and others; undefined: nobody is there. */
  readonly otherDoor: (client: SimulatedClient, attempt: number) => Door | undefined;
}

/** Between a client and its gateway, milliseconds. */
const LATENCY_MS = 0.5;
/** A client whose connection broke comes back after so long, and so often: for longer than any gateway is away. */
const RETURN_MS = 300;
const RETURNS_MAX = 30;
/** Of a reply to one who has come back: it is worth trying again. */
const briefErrors = ['no_worker', 'draining', 'queue_full', 'journal_unavailable'];

/** One client with one request, over a connection of its own to one gateway at a time. */
export class SimulatedClient {
  readonly #parts: ClientParts;
  #door: Door;
  #socket: ClientSocket;
  #reader = new HttpResponseReader();
  #returns = 0;
  #isReturning = false;
  #lastEventId: string | undefined;
  #text = '';
  #finishReason: string | undefined;
  #usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | undefined;
  #errorCode: string | undefined;
  #isDone = false;
  #eventsBehindEnd = 0;
  #isOver = false;

  constructor(parts: ClientParts, door: (client: SimulatedClient) => Door) {
    this.#parts = parts;
    const { request, clock, record } = parts;
    this.#door = door(this);
    record({ kind: 'asked', id: request.id, gateway: request.gateway });
    this.#socket = this.#connect(httpRequest(request, JSON.stringify(request.body)));
    if (request.leavesAfterMs !== undefined) clock.after(request.leavesAfterMs, () => this.#leave());
  }

  #connect(text: string): ClientSocket {
    const { request, clock } = this.#parts;
    const { process, server } = this.#door;
    const socket = new ClientSocket({
      clock,
      // One that was cut off for reading too slowly has learnt from it.
      bytesPerMs: this.#returns === 0 ? request.readBytesPerMs : undefined,
      onBytes: (bytes) => {
        if (socket === this.#socket) this.#read(bytes);
      },
      onClosed: () => {
        if (socket === this.#socket) this.#lose();
      },
    });
    clock.after(LATENCY_MS, () =>
      process.run(() => {
        if (socket.destroyed) return;
        server.emit('connection', socket);
        socket.push(text);
      }),
    );
    return socket;
  }

  /** Its gateway closes the connection; what was written before still comes. */
  disconnect(): void {
    this.#socket.destroy();
  }

  /** Its gateway has died. */
  cut(): void {
    const socket = this.#socket;
    this.#lose();
    socket.destroy();
  }

  /** The connection broke: it comes back for the rest where it has the id of an event, and gives up where not. */
  #lose(): void {
    if (this.#isOver || this.#isReturning) return;
    if (this.#finishReason !== undefined || this.#errorCode !== undefined || !this.#comeBack()) this.#end('cut');
  }

  #comeBack(): boolean {
    const { clock, request, record, otherDoor } = this.#parts;
    if (this.#lastEventId === undefined || this.#returns === RETURNS_MAX) return false;
    this.#returns += 1;
    this.#isReturning = true;
    const attempt = this.#returns;
    this.#door.onLeft();
    clock.after(RETURN_MS, () => {
      this.#isReturning = false;
      if (this.#isOver) return;
      const door = otherDoor(this, attempt);
      if (door === undefined) {
        if (!this.#comeBack()) this.#end('cut');
        return;
      }
      this.#door = door;
      record({ kind: 'returned', id: request.id, gateway: door.gateway });
      this.#reader = new HttpResponseReader();
      this.#errorCode = undefined;
      this.#socket = this.#connect(httpRequest(request, '', { 'last-event-id': this.#lastEventId ?? '' }));
    });
    return true;
  }

  #leave(): void {
    if (this.#isOver) return;
    const { clock, request, record } = this.#parts;
    const { process, gateway } = this.#door;
    const socket = this.#socket;
    this.#end('left');
    clock.after(LATENCY_MS, () =>
      process.run(() => {
        record({ kind: 'client-gone', id: request.id, gateway });
        socket.destroy();
      }),
    );
  }

  #read(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#reader.push(bytes);
    const before = this.#text.length;
    if (this.#reader.isEvents) {
      for (const data of this.#reader.takeEvents()) this.#onEvent(data);
      this.#lastEventId = this.#reader.lastEventId ?? this.#lastEventId;
    } else if (this.#reader.isWhole) {
      this.#onObject(JSON.parse(this.#reader.body));
    }
    const { request, record } = this.#parts;
    if (this.#text.length > before) record({ kind: 'text', id: request.id, text: this.#text.slice(before) });
    const isTurnedAway = this.#returns > 0 && !this.#reader.isEvents && briefErrors.includes(this.#errorCode ?? '');
    if (this.#reader.isWhole && isTurnedAway && (this.#isReturning || this.#comeBack())) return;
    if (this.#reader.isWhole) this.#end('whole');
    else if (request.leavesAfterText && this.#text !== '') this.#leave();
  }

  #onEvent(data: string): void {
    if (this.#isDone || this.#errorCode !== undefined) {
      this.#eventsBehindEnd += 1;
    } else if (data === '[DONE]') {
      this.#isDone = true;
    } else {
      this.#onObject(JSON.parse(data));
    }
  }

  #onObject({ choices, usage, error }: ReplyObject): void {
    const choice = choices?.[0];
    if (choice !== undefined && this.#finishReason !== undefined) this.#eventsBehindEnd += 1;
    this.#text += choice?.text ?? '';
    this.#finishReason ??= choice?.finish_reason ?? undefined;
    this.#usage ??= usage ?? undefined;
    if (error !== undefined) this.#errorCode = error.code;
  }

  #end(ending: ClientAnswer['ending']): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { request, record } = this.#parts;
    const quote = this.#reader.header('x-sluice-ttft-quote-ms');
    record({
      kind: 'answered',
      id: request.id,
      answer: {
        ending,
        status: this.#reader.status,
        text: this.#text,
        finishReason: this.#finishReason,
        completionTokens: this.#usage?.completion_tokens,
        promptTokens: this.#usage?.prompt_tokens,
        errorCode: this.#errorCode,
        isDone: this.#isDone,
        eventsBehindEnd: this.#eventsBehindEnd,
        quoteMs: quote === undefined ? undefined : Number(quote),
      },
    });
    this.#door.onLeft();
  }
}

interface ReplyObject {
  readonly choices?: readonly { readonly text: string; readonly finish_reason: string | null }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: { readonly code: string };
}

interface SocketParts {
  readonly clock: SimulatedClock;
  /** How fast the client reads; undefined: at once. */
  readonly bytesPerMs: number | undefined;
  readonly onBytes: (bytes: Buffer) => void;
  readonly onClosed: () => void;
}

/** The gateway's end of a client's connection. */
class ClientSocket extends Duplex {
  readonly remoteAddress = '192.0.2.1';
  readonly #parts: SocketParts;

  constructor(parts: SocketParts) {
    super({ allowHalfOpen: false });
    this.#parts = parts;
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, taken: () => void): void {
    const { clock, bytesPerMs, onBytes } = this.#parts;
    clock.after(LATENCY_MS, () => onBytes(bytes));
    if (bytesPerMs === undefined) taken();
    else clock.after(bytes.length / bytesPerMs, taken);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { clock, onClosed } = this.#parts;
    clock.after(LATENCY_MS, onClosed);
    done(error);
  }
}

function httpRequest({ id, headers }: AskedRequest, text: string, more: Readonly<Record<string, string>> = {}): string {
  const lines = [
    'POST /v1/completions HTTP/1.1',
    'host: simulated',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    `x-request-id: ${id}`,
    'connection: close',
    ...Object.entries({ ...headers, ...more }).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${text}`;
}
