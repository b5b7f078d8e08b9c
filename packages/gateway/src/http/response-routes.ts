import { ServingError } from '@sluice/shared';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { unknownField } from '../api/field-error.js';
import { itemPage, parsePageQuery } from '../api/responses/item-page.js';
import type { OwnResponses } from '../api/responses/kept-responses.js';
import { parseServiceTerms } from '../api/service-terms.js';
import { checkScope } from '../auth/caller.js';
import type { Gateway } from '../gateway.js';
import type { Calls } from './calls.js';

/** What can be done with a response that is kept. */
export function addResponseRoutes(app: FastifyInstance, gateway: Gateway, calls: Calls): void {
  const route = (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    answer: (id: string, responses: OwnResponses, query: Readonly<Record<string, unknown>>) => Promise<string>,
  ): void => {
    app.route({
      method,
      url: path,
      handler: async (request, reply) => {
        const httpReply = calls.replyTo(request, reply);
        const { id } = request.params as { readonly id: string };
        const body = await answer(id, responsesOf(request), request.query as Readonly<Record<string, unknown>>);
        reply.hijack();
        httpReply.send(200, body);
      },
    });
  };
  const responsesOf = (request: FastifyRequest): OwnResponses => {
    const caller = calls.callerOf(request);
    checkScope(caller, 'inference');
    return gateway.responsesOf(parseServiceTerms(request.headers, caller));
  };

  route('GET', '/v1/responses/:id', async (id, responses, query) => {
    for (const [field, value] of Object.entries(query)) {
      if (field === 'stream' && value === 'false') continue;
      if (!['stream', 'starting_after', 'include', 'include[]', 'include_obfuscation'].includes(field)) {
        throw unknownField(field);
      }
      throw new ServingError('unsupported_parameter', `${field}: is not supported for a response that is kept`, {
        field,
      });
    }
    return (await responses.find(id)).json;
  });
  route('GET', '/v1/responses/:id/input_items', async (id, responses, query) => {
    const page = parsePageQuery(query);
    return itemPage((await responses.find(id)).items, page);
  });
  route('DELETE', '/v1/responses/:id', async (id, responses) => {
    await responses.remove(id);
    return JSON.stringify({ id, object: 'response', deleted: true });
  });
  route('POST', '/v1/responses/:id/cancel', async () => {
    const problem = 'only a response made with background: true can be cancelled, and background is not supported';
    throw new ServingError('unsupported_parameter', problem, { field: 'background' });
  });
}
