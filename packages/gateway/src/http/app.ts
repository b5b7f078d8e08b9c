import { asServingError, type Clock, type Logger, type Rng, ServingError } from '@sluice/shared';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Admission } from '../admission/admission.js';
import { errorBody } from '../api/reply-format.js';
import type { Gatekeeper } from '../auth/gatekeeper.js';
import { type Gateway, randomId } from '../gateway.js';
import type { GatewayMetrics } from '../metrics/metrics.js';
import type { WorkerChange } from '../processes/siblings.js';
import type { FleetWorkers } from '../workers/fleet-workers.js';
import type { AdminAccess } from './admin-access.js';
import { addAdminRoutes } from './admin-routes.js';
import { parseJsonBody, readBody } from './body.js';
import { Calls, givenRequestId } from './calls.js';
import { cors } from './cors.js';
import { addDocsRoutes } from './docs-routes.js';
import type { HttpReplyLimits } from './http-reply.js';
import { addRoutes } from './routes.js';

export interface AppParts {
  readonly gateway: Gateway;
  readonly workers: FleetWorkers;
  readonly adminAccess: AdminAccess;
  readonly gatekeeper: Gatekeeper;
  /** Of web pages that may call the API. */
  readonly corsOrigins: ReadonlySet<string>;
  readonly admission: Admission;
  readonly metrics: GatewayMetrics;
  /** What `/metrics` answers: all processes of the gateway together. */
  readonly metricsText: () => Promise<string>;
  readonly areSiblingsReady: () => Promise<boolean>;
  /** An admin's call has changed the workers of this process. */
  readonly onWorkerChange: (change: WorkerChange) => void;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  /** Largest body of one request, bytes. */
  readonly bodyBytesMax: number;
  readonly connectionsMax: number;
  readonly replyLimits: HttpReplyLimits;
  /** Of this software. */
  readonly version: string;
}

/** The HTTP side: reads bodies within bounds, finds the route, and gives every failure OpenAI's shape. */
export function createApp(parts: AppParts): FastifyInstance {
  const { admission, log } = parts;
  const calls = new Calls({ ...parts, limits: parts.replyLimits });
  const fail = (thrown: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const error = fromFramework(thrown);
    if (error.row.fault === 'server') log.error({ requestId: request.id, err: error.cause ?? error }, error.message);
    reply.hijack();
    calls.replyTo(request, reply).sendError(error);
  };

  const app = fastify({
    // Off, because Calls writes the one line per request.
    logger: false,
    genReqId: (raw) => givenRequestId(raw.headers) ?? `req-${randomId(parts.rng)}`,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1024 },
    frameworkErrors: fail,
    clientErrorHandler: answerBrokenRequest,
    // Longer than the 60 s for which common load balancers keep a connection, so that they close it first.
    keepAliveTimeout: 65_000,
    requestTimeout: 120_000,
    http: { noDelay: true, headersTimeout: 30_000 },
  });
  calls.attend(app);
  app.server.maxConnections = parts.connectionsMax;
  app.server.on('checkContinue', (raw, response) => {
    // Without the go-ahead the client keeps a body that would be refused.
    if (Number(raw.headers['content-length'] ?? 0) <= parts.bodyBytesMax) response.writeContinue();
    app.server.emit('request', raw, response);
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest, stream: FastifyRequest['raw']) => {
    let heldBytes = 0;
    const hold = (bytes: number): ServingError | undefined => {
      const refusal = admission.holdBytes(bytes);
      if (refusal === undefined) heldBytes += bytes;
      return refusal;
    };
    calls.replyOf(request).onClose(() => admission.releaseBytes(heldBytes));
    const bytes = await readBody(stream, { bytesMax: parts.bodyBytesMax, hold });
    // Who comes back for a stream need not say again what it is of.
    const isResume = request.headers['last-event-id'] !== undefined && bytes.length === 0;
    return request.is404 || isResume ? undefined : parseJsonBody(request.headers, bytes);
  });

  const answerCors = cors(parts.corsOrigins);
  // Before the body is read: who may not in shall not fill memory either.
  app.addHook('onRequest', async (request, reply) => {
    const isAnswered = answerCors(request, calls.replyTo(request, reply));
    if (isAnswered) reply.hijack();
    else if (!openPaths.test(request.url)) {
      calls.setCaller(request, await parts.gatekeeper.identify(request.headers));
    }
  });
  app.setErrorHandler(fail);
  addRoutes(app, { ...parts, calls });
  addDocsRoutes(app, calls);
  addAdminRoutes(app, {
    workers: parts.workers,
    access: parts.adminAccess,
    calls,
    onWorkerChange: parts.onWorkerChange,
  });
  return app;
}

/** What needs no credentials: probes and the API's description; admin calls have rules of their own. */
const openPaths = /^\/(health|ready|openapi\.json|docs|admin\/.*)(\?|$)/;

/** Fastify's own refusals are about the request's form; their messages are fit for callers. */
function fromFramework(thrown: unknown): ServingError {
  if (!(thrown instanceof Error) || thrown instanceof ServingError) return asServingError(thrown);
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  if (typeof code !== 'string' || !code.startsWith('FST_') || typeof statusCode !== 'number') {
    return asServingError(thrown);
  }
  if (statusCode >= 500) return asServingError(thrown);
  return new ServingError(statusCode === 415 ? 'unsupported_media_type' : 'invalid_request', thrown.message);
}

interface RawSocket {
  readonly writable: boolean;
  end(text: string): void;
  destroy(): void;
}

/** What is so broken that there is no request: answered on the bare socket. */
function answerBrokenRequest(thrown: { readonly code: string }, socket: RawSocket): void {
  if (!socket.writable || thrown.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const error = brokenRequest(thrown.code);
  const body = errorBody(error);
  const head = [
    `HTTP/1.1 ${error.row.httpStatus} Error`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function brokenRequest(code: string): ServingError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ServingError('request_header_too_large', 'the request headers must be at most 16384 bytes');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ServingError('request_timeout', 'the request did not arrive in time');
  }
  return new ServingError('invalid_request', 'the request is not valid HTTP/1.1');
}
