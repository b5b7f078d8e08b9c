import type { FastifyInstance } from 'fastify';
import { docsPage, docsPolicy } from '../openapi/docs-page.js';
import { openApiDocument } from '../openapi/openapi-document.js';
import type { Calls } from './calls.js';

/** `GET /openapi.json` and `GET /docs`, made when first asked for and the same ever after. */
export function addDocsRoutes(app: FastifyInstance, calls: Calls): void {
  let json: string | undefined;
  let page: string | undefined;
  app.get('/openapi.json', (request, reply) => {
    json ??= JSON.stringify(openApiDocument());
    calls.replyTo(request, reply).send(200, json);
    reply.hijack();
  });
  app.get('/docs', (request, reply) => {
    page ??= docsPage();
    const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': docsPolicy };
    calls.replyTo(request, reply).send(200, page, headers);
    reply.hijack();
  });
}
