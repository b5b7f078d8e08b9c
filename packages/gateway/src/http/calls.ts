import { assert, type Clock, type Logger, logJson } from '@sluice/shared';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorDialectOf } from '../api/error-dialect.js';
import { anybody, type Caller } from '../auth/caller.js';
import type { CallRecord } from '../metrics/call-record.js';
import type { GatewayMetrics } from '../metrics/metrics.js';
import { HttpReply, type HttpReplyLimits } from './http-reply.js';

export interface CallsParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: GatewayMetrics;
  readonly limits: HttpReplyLimits;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by {@link Calls}. On the request itself, because a WeakMap of what lives so briefly costs the collector much. */
    httpReply: HttpReply | undefined;
    caller: Caller | undefined;
  }
}

/** Follows every request from its head to the close of its reply, with one log line and one count at the end. */
export class Calls {
  readonly #parts: CallsParts;

  constructor(parts: CallsParts) {
    this.#parts = parts;
  }

  /** Makes room for what it keeps of each request of `app`. */
  attend(app: FastifyInstance): void {
    app.decorateRequest('httpReply', undefined);
    app.decorateRequest('caller', undefined);
  }

  /** The reply to write for a request; made at the first call. */
  replyTo(request: FastifyRequest, reply: FastifyReply): HttpReply {
    if (request.httpReply !== undefined) return request.httpReply;
    const { clock, limits } = this.#parts;
    const record: CallRecord = {
      requestId: request.id,
      method: request.method,
      route: (request.is404 ? undefined : request.routeOptions.url) ?? 'unknown',
      caller: '',
      startMs: clock.nowMs(),
      status: 0,
      finish: undefined,
      promptTokens: 0,
      cachedTokens: 0,
      generatedTokens: 0,
      firstTokenMs: undefined,
    };
    const made = new HttpReply(reply.raw, record, clock, limits, errorDialectOf(request.url));
    request.httpReply = made;
    // Behind the other callbacks, which come later and say how generation ended.
    made.onClose(() => queueMicrotask(() => this.#finish(record)));
    return made;
  }

  /** The reply of a request that {@link replyTo} has seen. */
  replyOf(request: FastifyRequest): HttpReply {
    assert(request.httpReply !== undefined, `request ${request.id} has no reply`);
    return request.httpReply;
  }

  /** Who sends a request, once that is known. */
  setCaller(request: FastifyRequest, caller: Caller): void {
    request.caller = caller;
    this.replyOf(request).record.caller = caller.name;
  }

  callerOf(request: FastifyRequest): Caller {
    return request.caller ?? anybody;
  }

  #finish(record: CallRecord): void {
    const { clock, log, metrics } = this.#parts;
    // A client that left before the head went out; 499 is nginx's number for it.
    if (record.status === 0) record.status = 499;
    const durationMs = clock.nowMs() - record.startMs;
    metrics.countCall(record, durationMs);
    const isProbe = record.method === 'GET' && record.status < 400;
    logJson(log, isProbe ? 'debug' : 'info', fieldsOf(record, durationMs), 'request');
  }
}

/** As JSON; what there is nothing to say of is left out. */
function fieldsOf(record: CallRecord, durationMs: number): string {
  const { caller, finish, firstTokenMs } = record;
  let fields = `"requestId":${JSON.stringify(record.requestId)}`;
  if (caller !== '') fields += `,"caller":${JSON.stringify(caller)}`;
  fields += `,"method":${JSON.stringify(record.method)},"route":${JSON.stringify(record.route)}`;
  fields += `,"status":${record.status}`;
  if (finish !== undefined) fields += `,"finish":${JSON.stringify(finish)}`;
  fields += `,"promptTokens":${record.promptTokens},"cachedTokens":${record.cachedTokens}`;
  fields += `,"generatedTokens":${record.generatedTokens}`;
  if (firstTokenMs !== undefined) fields += `,"ttftMs":${round(firstTokenMs)}`;
  return `${fields},"durationMs":${round(durationMs)}`;
}

/** The caller's `x-request-id` where it is short and plain, else undefined. */
export function givenRequestId(headers: FastifyRequest['headers']): string | undefined {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:/+=-]{1,128}$/.test(given) ? given : undefined;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
