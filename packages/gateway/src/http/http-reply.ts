import type { Clock, ServingError } from '@sluice/shared';
import type { FastifyReply } from 'fastify';
import type { ErrorDialect } from '../api/error-dialect.js';
import type { CallRecord } from '../metrics/call-record.js';
import { EventStream } from './event-stream.js';

export interface HttpReplyLimits {
  /** Bytes that may wait for a client that does not read. */
  readonly bufferBytesMax: number;
  /** Milliseconds that the end of a reply may take to be read. */
  readonly flushMs: number;
  /** Milliseconds for a client to notice that its unread body was refused. */
  readonly lingerMs: number;
}

/** The one way a reply is written: whole, or as server-sent events. */
export class HttpReply {
  readonly record: CallRecord;
  readonly #raw: FastifyReply['raw'];
  readonly #clock: Clock;
  readonly #limits: HttpReplyLimits;
  readonly #errors: ErrorDialect;
  /** Of the head, together with those that its kind has; Node assembles a head faster from one object than header by header. */
  readonly #headers: Record<string, string> = {};
  #events: EventStream | undefined;

  constructor(
    raw: FastifyReply['raw'],
    record: CallRecord,
    clock: Clock,
    limits: HttpReplyLimits,
    errors: ErrorDialect,
  ) {
    this.#raw = raw;
    this.record = record;
    this.#clock = clock;
    this.#limits = limits;
    this.#errors = errors;
    this.setHeader('x-request-id', record.requestId);
    if (errors.requestIdHeader !== undefined) this.setHeader(errors.requestIdHeader, record.requestId);
  }

  /** Whether the head has gone out; from then on an error can only be an event. */
  get isStarted(): boolean {
    return this.#raw.headersSent;
  }

  send(status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
    if (!this.#isWritable) return;
    this.record.status = status;
    const length = Buffer.byteLength(body);
    this.#raw.writeHead(status, { ...this.#headers, 'content-type': jsonType, 'content-length': length, ...headers });
    this.#raw.end(body);
    this.#watchEnd();
  }

  sendError(error: ServingError, headers: Readonly<Record<string, string>> = {}): void {
    this.record.finish ??= error.code;
    const retry = error.row.fault === 'load' ? { 'retry-after': retryAfter(error) } : {};
    const isBodyRead = this.#raw.req.complete || !hasBody(this.#raw.req.headers);
    if (isBodyRead)
      this.send(error.row.httpStatus, this.#errors.body(error, this.record.requestId), { ...retry, ...headers });
    else this.#refuse(error, { ...retry, ...headers });
  }

  /** The client has left, or has the whole reply. */
  get isOver(): boolean {
    return this.#raw.destroyed || this.#raw.writableEnded;
  }

  /** For the head; without effect once that has gone out. */
  setHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  startEvents(): void {
    if (!this.#isWritable) return;
    this.record.status = 200;
    this.#events = new EventStream(this.#raw, { ...this.#headers, ...eventHeaders });
  }

  /** False when the client does not read and too much waits for it; the caller then gives up on the client. */
  writeEvents(events: string): boolean {
    if (!this.#isWritable) return true;
    this.#events?.write(events);
    return this.#raw.writableLength <= this.#limits.bufferBytesMax;
  }

  endEvents(events: string): void {
    if (!this.#isWritable) return;
    this.#events?.end(events);
    this.#watchEnd();
  }

  /** Resolves when the client has read what was written, or is gone; one that does not read is cut. */
  flushed(): Promise<void> {
    return new Promise((resolve) => {
      // Events go to the socket itself, where there is one, so it knows how many wait.
      const target = this.#raw.socket ?? this.#raw;
      if (this.isOver || !target.writableNeedDrain) {
        resolve();
        return;
      }
      const stopTimer = this.#clock.after(this.#limits.flushMs, () => this.#raw.destroy());
      const settle = (): void => {
        stopTimer();
        target.off('drain', settle).off('close', settle);
        resolve();
      };
      target.on('drain', settle).on('close', settle);
    });
  }

  /** Calls back once, when the reply has been taken or its connection has gone. */
  onClose(callback: () => void): void {
    this.#raw.once('close', callback);
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#raw.destroy();
  }

  get #isWritable(): boolean {
    return !this.#raw.destroyed && !this.#raw.writableEnded;
  }

  /** What the system has not taken yet has to be read in time. */
  #watchEnd(): void {
    if (this.#raw.writableLength === 0) return;
    const stopTimer = this.#clock.after(this.#limits.flushMs, () => this.#raw.destroy());
    this.#raw.once('close', stopTimer);
  }

  /**
   * Answers while the client still sends. The rest is not read, and the connection is closed: not at once, because a
   * reset would take the answer from a client that has not read it yet.
   */
  #refuse(error: ServingError, headers: Readonly<Record<string, string>>): void {
    if (!this.#isWritable) return;
    const body = this.#errors.body(error, this.record.requestId);
    this.record.status = error.row.httpStatus;
    this.#raw.req.pause();
    this.#raw.writeHead(error.row.httpStatus, {
      ...this.#headers,
      'content-type': jsonType,
      'content-length': Buffer.byteLength(body),
      connection: 'close',
      ...headers,
    });
    this.#raw.write(body);
    const stopTimer = this.#clock.after(this.#limits.lingerMs, () => this.#raw.destroy());
    this.#raw.once('close', stopTimer);
  }
}

/** Whole seconds, at least 1. */
export function retryAfter({ retryAfterMs = 1_000 }: ServingError): string {
  return `${Math.max(1, Math.ceil(retryAfterMs / 1000))}`;
}

const jsonType = 'application/json; charset=utf-8';

const eventHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // nginx would collect events into blocks.
  'x-accel-buffering': 'no',
};

function hasBody(headers: FastifyReply['raw']['req']['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
