import type { FastifyRequest } from 'fastify';
import type { HttpReply } from './http-reply.js';

/** What web pages of other origins may send; what they need for every header that the API reads. */
const allowedHeaders = [
  'anthropic-beta',
  'anthropic-dangerous-direct-browser-access',
  'anthropic-version',
  'authorization',
  'content-type',
  'last-event-id',
  'x-api-key',
  'x-request-id',
  'x-sluice-priority',
  'x-sluice-queue-ms',
  'x-sluice-session',
  'x-sluice-tbt-ms',
  'x-sluice-ttft-ms',
].join(', ');

const exposedHeaders = [
  'request-id',
  'retry-after',
  'x-request-id',
  'x-sluice-ttft-quote-ms',
  ...['limit', 'remaining', 'reset'].flatMap((what) => [`x-ratelimit-${what}-requests`, `x-ratelimit-${what}-tokens`]),
].join(', ');

/** How long a browser may remember what it was told. */
const MAX_AGE_S = 600;

/**
 * Lets web pages of these origins call the API (the Fetch standard's CORS protocol). Credentials travel in headers and
 * never as cookies, so they are not allowed.
 * @param origins like `https://chat.example`; `*` stands for all.
 * @returns true when the request was a browser's question about what it may send, and has been answered.
 */
export function cors(origins: ReadonlySet<string>): (request: FastifyRequest, reply: HttpReply) => boolean {
  return (request, reply) => {
    const { origin, 'access-control-request-method': wanted } = request.headers;
    if (origin === undefined) return false;
    const allowed = origins.has('*') ? '*' : origins.has(origin) ? origin : undefined;
    if (allowed !== undefined) {
      reply.setHeader('access-control-allow-origin', allowed);
      reply.setHeader('access-control-expose-headers', exposedHeaders);
      if (allowed !== '*') reply.setHeader('vary', 'origin');
    }
    if (request.method !== 'OPTIONS' || wanted === undefined) return false;
    const terms = {
      'access-control-allow-methods': 'DELETE, GET, POST',
      'access-control-allow-headers': allowedHeaders,
      'access-control-max-age': `${MAX_AGE_S}`,
    };
    reply.send(204, '', allowed === undefined ? {} : terms);
    return true;
  };
}
