import type { GenerateEvent } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import type { GenerationCall } from '../api/generation-call.js';
import { finishReasonOf } from '../api/reply-format.js';
import { callerError } from '../api/worker-error.js';
import type { HttpReply } from '../http/http-reply.js';
import type { GatewayMetrics } from '../metrics/metrics.js';
import type { Generation, GenerationListener } from '../workers/worker-connection.js';
import type { ReplyWriter } from './reply-writer.js';

/**
 * Carries one request's events from its worker to its client, and the client's leaving the other way. Ends once: with
 * the last event, a failure, a lost worker, a client that left or does not read, or the gateway's deadline.
 */
export class Relay implements GenerationListener {
  readonly #call: GenerationCall;
  readonly #writer: ReplyWriter;
  readonly #reply: HttpReply;
  readonly #metrics: GatewayMetrics;
  #generation: Generation | undefined;
  #isOver = false;
  #lastTokenMs: number | undefined;

  constructor(call: GenerationCall, writer: ReplyWriter, reply: HttpReply, metrics: GatewayMetrics) {
    this.#call = call;
    this.#writer = writer;
    this.#reply = reply;
    this.#metrics = metrics;
  }

  /** What to cancel when the client leaves. */
  start(generation: Generation): void {
    this.#generation = generation;
  }

  onEvent(event: GenerateEvent, nowMs: number): void {
    if (this.#isOver) return;
    if (event.accepted) this.#reply.record.promptTokens = event.accepted.promptTokens;
    if (event.tokenIds.length > 0) this.#countTokens(event.tokenIds.length, nowMs);
    if (event.failed) {
      this.#fail(callerError(event.failed, this.#call));
    } else if (event.finished?.reason === 'FINISH_REASON_CANCELLED') {
      this.#fail(
        new ServingError('worker_lost', 'the worker ended this request while it stopped; it can be sent again'),
      );
    } else {
      if (event.finished) {
        this.#isOver = true;
        this.#reply.record.finish = finishReasonOf(event.finished);
        this.#metrics.countObjectives(event.finished);
        this.#reply.record.cachedTokens = event.finished.cachedTokens;
      }
      if (!this.#writer.write(event)) this.#giveUp();
    }
  }

  onLost(error: ServingError): void {
    if (!this.#isOver) this.#fail(error);
  }

  /** The connection to the client is gone. */
  onClientGone(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reply.record.finish = 'cancelled';
    this.#generation?.cancel();
  }

  /** Ends what has not ended by itself, with an error that the client sees. */
  abort(error: ServingError): void {
    if (this.#isOver) return;
    this.#fail(error);
    this.#generation?.cancel();
  }

  #fail(error: ServingError): void {
    this.#isOver = true;
    this.#reply.record.finish = error.code;
    this.#writer.fail(error);
  }

  /** No error event: it would wait behind everything that the client does not read. */
  #giveUp(): void {
    this.#isOver = true;
    this.#reply.record.finish = 'slow_reader' satisfies ServingError['code'];
    this.#generation?.cancel();
    this.#reply.destroy();
  }

  #countTokens(count: number, nowMs: number): void {
    const { record } = this.#reply;
    record.generatedTokens += count;
    if (this.#lastTokenMs === undefined) {
      record.firstTokenMs = nowMs - record.startMs;
      this.#metrics.countFirstToken(record.firstTokenMs);
    } else {
      this.#metrics.countTokenGap(nowMs - this.#lastTokenMs);
    }
    this.#lastTokenMs = nowMs;
  }
}
