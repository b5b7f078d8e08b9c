import { readdirSync, readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { errorTable } from '@sluice/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpoints } from '../api/endpoint.js';
import { startTestGateway, type TestGateway } from '../test-support/start-test-gateway.js';
import { fieldsOf } from './body-schema.js';
import { errorGroups } from './errors.js';
import { fieldNote } from './field-notes.js';
import type { OpenApiDocument } from './openapi-document.js';
import { operations } from './operations.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(async () => gateway.stop());

/** By the names of the paths in the sources: `/v1/models/*` is `/v1/models/{model}`. */
function plainPath(path: string): string {
  return path.replace(/\*|:\w+|\{\w+\}/g, '*');
}

describe('GET /openapi.json', () => {
  it('is valid OpenAPI 3.1', async () => {
    const document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as OpenApiDocument;
    expect(await new Validator().validate({ ...document })).toEqual({ valid: true });
    const broken = await new Validator().validate({ ...document, paths: { chat: {} } });
    expect(broken.valid).toBe(false);
  });

  it('describes every path that there is, and no other', () => {
    const folder = new URL('../http/', import.meta.url);
    const routes = readdirSync(folder)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .flatMap((file) => [
        ...readFileSync(new URL(file, folder), 'utf8').matchAll(
          /\b(?:get|post|delete|route)\((?:'[A-Z]+', )?'(\/[^']*)'/g,
        ),
      ])
      .map(([, path = '']) => plainPath(path));
    const all = new Set([...routes, ...endpoints.map(({ path }) => path)]);
    expect([...new Set(operations.map(({ path }) => plainPath(path)))].sort()).toEqual([...all].sort());
  });

  it('describes every field, and unknown parts as what they have to be', async () => {
    const document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as OpenApiDocument;
    for (const { method, path, body } of operations) {
      if (body === undefined || path.startsWith('/admin')) continue;
      const { requestBody } = document.paths[path]![method] as {
        requestBody: { content: { 'application/json': { schema: { properties: Record<string, object> } } } };
      };
      const { properties } = requestBody.content['application/json'].schema;
      for (const { name, kind } of fieldsOf(body)) {
        if (kind === 'refused') continue;
        if (kind === 'supported') expect(fieldNote(path, name), `${path} ${name} has no note`).toBeDefined();
        expect(properties[name], `${path} ${name}`).toHaveProperty('description');
        const { description: _, ...shape } = properties[name] as { description: string };
        if (name !== 'cache_control') expect(shape, `${path} ${name} may be anything`).not.toEqual({});
      }
    }
  });

  it('names every error that a client can get', () => {
    // The client that would get the first two has gone, and the third belongs to no path.
    const unseen = ['cancelled', 'slow_reader', 'method_not_allowed'];
    const named = new Set<string>(Object.values(errorGroups).flat());
    expect(Object.keys(errorTable).filter((code) => !named.has(code) && !unseen.includes(code))).toEqual([]);
  });
});

describe('GET /docs', () => {
  it('is a page that needs no other host and shows every path and field', async () => {
    const response = await fetch(`${gateway.url}/docs`);
    expect(response.headers.get('content-type')).toContain('text/html');
    const page = await response.text();
    expect(page).not.toMatch(/<script|\bhttps?:|@import|url\(|\bsrc=/);
    for (const { path, body } of operations) {
      expect(page).toContain(`<code>${path}</code>`);
      for (const { name } of body === undefined ? [] : fieldsOf(body)) expect(page).toContain(`<code>${name}</code>`);
    }
    const anchors = [...page.matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(anchors).size).toBe(operations.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(anchors).toContain(target);
  });
});
