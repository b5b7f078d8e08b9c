import { ServingError } from '@sluice/shared';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { endpoints } from '../api/endpoint.js';
import { modelBody, modelsBody } from '../api/models-reply.js';
import { errorBody } from '../api/reply-format.js';
import { parseQueueMs, parseServiceTerms } from '../api/service-terms.js';
import { sessionKey } from '../api/session-key.js';
import { checkModel, checkScope } from '../auth/caller.js';
import type { Gateway } from '../gateway.js';
import type { GatewayMetrics } from '../metrics/metrics.js';
import { resolveModel } from '../routing/router.js';
import { eventIdOf, parseEventId } from '../streams/event-id.js';
import { knownModels } from '../workers/worker-set.js';
import type { Calls } from './calls.js';
import type { HttpReply } from './http-reply.js';
import { addResponseRoutes } from './response-routes.js';
import { addTokenRoutes } from './token-routes.js';

export interface RouteParts {
  readonly gateway: Gateway;
  readonly metrics: GatewayMetrics;
  readonly metricsText: () => Promise<string>;
  /** Whether the other processes of this gateway could serve a request. */
  readonly areSiblingsReady: () => Promise<boolean>;
  readonly calls: Calls;
  /** Of this software. */
  readonly version: string;
}

/** Every path of the gateway. */
export function addRoutes(
  app: FastifyInstance,
  { gateway, metrics, metricsText, areSiblingsReady, calls, version }: RouteParts,
): void {
  const { workers } = gateway;

  for (const endpoint of endpoints) {
    app.post(endpoint.path, async (request, reply) => {
      const httpReply = calls.replyTo(request, reply);
      const { body, headers } = request;
      const caller = calls.callerOf(request);
      checkScope(caller, 'inference');
      const terms = parseServiceTerms(headers, caller);
      const wishes = { caller, terms, session: sessionKey(headers), queueMsMax: parseQueueMs(headers) };
      const lastEventId = headers['last-event-id'];
      if (lastEventId === undefined) await gateway.serve(endpoint, body, wishes, httpReply);
      else await gateway.resume(endpoint, parseEventId(lastEventId), wishes, httpReply);
      reply.hijack();
    });
  }
  // For EventSource, which reconnects by GET. Not for HEAD: whoever asks takes the stream.
  app.get('/v1/streams/:id', { exposeHeadRoute: false }, async (request, reply) => {
    const httpReply = calls.replyTo(request, reply);
    const { headers, params } = request;
    const caller = calls.callerOf(request);
    checkScope(caller, 'inference');
    const terms = parseServiceTerms(headers, caller);
    const wishes = { caller, terms, session: undefined, queueMsMax: parseQueueMs(headers) };
    const has = eventIdOf((params as { id: string }).id, headers['last-event-id']);
    await gateway.resume(undefined, has, wishes, httpReply);
    reply.hijack();
  });

  const get = (path: string, answer: (request: FastifyRequest, reply: HttpReply) => void): void => {
    app.get(path, (request, reply) => {
      const httpReply = calls.replyTo(request, reply);
      answer(request, httpReply);
      reply.hijack();
    });
  };
  get('/v1/models', (request, reply) => {
    const caller = calls.callerOf(request);
    checkScope(caller, 'models');
    const models = [...knownModels(workers).values()].filter(({ name }) => caller.models?.has(name) !== false);
    reply.send(200, modelsBody(models));
  });
  // A wildcard, because names of models may hold slashes.
  get('/v1/models/*', (request, reply) => {
    const { '*': name } = request.params as { '*': string };
    checkScope(calls.callerOf(request), 'models');
    checkModel(calls.callerOf(request), name);
    reply.send(200, modelBody(resolveModel(workers, name)));
  });
  get('/health', (_, reply) => reply.send(200, '{"status":"ok"}'));
  app.get('/ready', async (request, reply) => {
    const areReady = await areSiblingsReady();
    const reason = gateway.notReadyReason ?? (areReady ? undefined : siblingError());
    reply.hijack();
    const httpReply = calls.replyTo(request, reply);
    if (reason === undefined) httpReply.send(200, '{"status":"ready"}');
    else httpReply.send(503, errorBody(reason), { 'retry-after': '1' });
  });
  app.get('/metrics', async (request, reply) => {
    checkScope(calls.callerOf(request), 'metrics');
    const text = await metricsText();
    reply.hijack();
    calls.replyTo(request, reply).send(200, text, { 'content-type': metrics.registry.contentType });
  });

  addResponseRoutes(app, gateway, calls);
  addTokenRoutes(app, gateway, calls, version);

  app.setNotFoundHandler((request, reply) => refuseRoute(request, reply, calls));
}

function siblingError(): ServingError {
  return new ServingError('no_worker', 'a process of this gateway has no worker that takes requests');
}

/** 405 where the path is known, else 404. */
function refuseRoute(request: FastifyRequest, reply: FastifyReply, calls: Calls): void {
  const path = request.url.split('?', 1)[0] ?? '';
  const method = allowedMethod(path);
  reply.hijack();
  const httpReply = calls.replyTo(request, reply);
  if (method !== undefined) {
    const problem = `${path} takes ${method}, not ${request.method}`;
    httpReply.sendError(new ServingError('method_not_allowed', problem), { allow: method });
  } else {
    const shown = path.length > 100 ? `${path.slice(0, 100)}…` : path;
    httpReply.sendError(new ServingError('not_found', `there is no ${request.method} ${shown}`));
  }
}

function allowedMethod(path: string): string | undefined {
  if (endpoints.some((endpoint) => endpoint.path === path)) return 'POST';
  if (['/tokenize', '/detokenize', '/v1/messages/count_tokens', '/v1/responses/input_tokens'].includes(path))
    return 'POST';
  if (
    ['/v1/models', '/version', '/props', '/health', '/ready', '/metrics', '/openapi.json', '/docs'].includes(path) ||
    path.startsWith('/v1/models/')
  ) {
    return 'GET, HEAD';
  }
  if (path.startsWith('/v1/streams/')) return 'GET';
  if (/^\/v1\/responses\/[^/]+$/.test(path)) return 'GET, HEAD, DELETE';
  if (/^\/v1\/responses\/[^/]+\/input_items$/.test(path)) return 'GET, HEAD';
  if (/^\/v1\/responses\/[^/]+\/cancel$/.test(path)) return 'POST';
  if (path === '/admin/workers') return 'GET, HEAD, POST';
  return path.startsWith('/admin/workers/') ? 'DELETE' : undefined;
}
