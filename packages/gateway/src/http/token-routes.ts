import type { ModelInfo } from '@sluice/proto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { unknownField } from '../api/field-error.js';
import { countTokensBody, parseCountTokensRequest } from '../api/messages/count-tokens.js';
import { propsBody } from '../api/props-reply.js';
import { inputTokensBody, parseInputTokensRequest } from '../api/responses/input-tokens.js';
import { parseServiceTerms } from '../api/service-terms.js';
import { parseDetokenizeRequest, parseTokenizeRequest, tokenizeBody, tokenizeError } from '../api/tokenize-request.js';
import { checkModel, checkScope, type Scope } from '../auth/caller.js';
import type { Gateway } from '../gateway.js';
import { readyViews, resolveModel } from '../routing/router.js';
import { askWorker, type WorkerText } from '../workers/worker-text.js';
import type { Calls } from './calls.js';

/** What a body asks of a worker, and how the answer is written. */
interface Question<Reply> {
  readonly model: string | undefined;
  ask(text: WorkerText): Promise<Reply>;
  write(reply: Reply, model: ModelInfo): string;
}

/** What can be asked of texts, tokens and models beside answers, in the shapes of vLLM and of llama.cpp's server. */
export function addTokenRoutes(app: FastifyInstance, gateway: Gateway, calls: Calls, version: string): void {
  const { workers } = gateway;

  /** @throws ServingError where the caller may not ask for it. */
  const modelFor = (request: FastifyRequest, scope: Scope, name: string | undefined): ModelInfo => {
    const caller = calls.callerOf(request);
    checkScope(caller, scope);
    const model = resolveModel(workers, name);
    checkModel(caller, model.name);
    return model;
  };

  const post = <Reply>(
    path: string,
    read: (body: unknown, request: FastifyRequest) => Question<Reply> | Promise<Question<Reply>>,
  ): void => {
    app.post(path, async (request, reply) => {
      const httpReply = calls.replyTo(request, reply);
      checkScope(calls.callerOf(request), 'inference');
      const { model: name, ask, write } = await read(request.body, request);
      const model = modelFor(request, 'inference', name);
      if (!(await gateway.admit(calls.callerOf(request), httpReply))) {
        reply.hijack();
        return;
      }
      const answer = await askWorker(workers.workers, model, ask).catch((thrown: unknown) => {
        throw tokenizeError(thrown);
      });
      reply.hijack();
      httpReply.send(200, write(answer, model));
    });
  };
  post('/tokenize', (body) => {
    const { model, request } = parseTokenizeRequest(body);
    return {
      model,
      ask: (text) => text.tokenize(request),
      write: (reply, served) => tokenizeBody(reply, served, request.withTokens === true),
    };
  });
  post('/v1/responses/input_tokens', async (body, http) => {
    const own = gateway.responsesOf(parseServiceTerms(http.headers, calls.callerOf(http)));
    const { model, request } = await parseInputTokensRequest(body, own);
    return { model, ask: (text) => text.tokenize(request), write: inputTokensBody };
  });
  post('/v1/messages/count_tokens', (body) => {
    const { model, request } = parseCountTokensRequest(body);
    return { model, ask: (text) => text.tokenize(request), write: countTokensBody };
  });
  post('/detokenize', (body) => {
    const { model, request } = parseDetokenizeRequest(body);
    return {
      model,
      ask: (text) => text.detokenize(request),
      write: ({ text }) => JSON.stringify({ prompt: text }),
    };
  });

  app.get('/version', (request, reply) => {
    calls.replyTo(request, reply).send(200, JSON.stringify({ version }));
    reply.hijack();
  });
  app.get('/props', (request, reply) => {
    const query = request.query as Readonly<Record<string, unknown>>;
    for (const field of Object.keys(query)) if (field !== 'model') throw unknownField(field);
    const model = modelFor(request, 'models', typeof query.model === 'string' ? query.model : undefined);
    const body = propsBody(model, readyViews(workers, model.name), version);
    calls.replyTo(request, reply).send(200, body);
    reply.hijack();
  });
}
