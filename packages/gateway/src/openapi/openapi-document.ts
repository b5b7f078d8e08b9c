import type { ErrorCode } from '@sluice/shared';
import type { z } from 'zod';
import * as answers from './answer-schemas.js';
import { type Field, fieldsOf, type JsonSchema, jsonSchema, type RequestBody } from './body-schema.js';
import { codesByStatus } from './errors.js';
import { fieldNote } from './field-notes.js';
import type { Answer, Header, Operation } from './operation.js';
import { operations } from './operations.js';

export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly [part: string]: unknown;
}

/** The gateway's API as an OpenAPI 3.1 document, made from the schemas that check requests. */
export function openApiDocument(): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Sluice',
      version: '1',
      description:
        'Large language models behind one endpoint. A field that is null is as good as absent; one that is not known, or ' +
        'asks for what is not done, is refused by name.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: ['OpenAI', 'Anthropic', 'Sluice', 'Operation'].map((name) => ({ name })),
    security: [{}, { bearer: [] }, { key: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key or a token (JWT).' },
        key: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
      schemas: Object.fromEntries(Object.entries(components).map(([name, schema]) => [name, jsonSchema(schema)])),
    },
  };
}

/** Replies by the names that OpenAPI's components have. */
const components: Readonly<Record<string, z.ZodType>> = {
  ChatCompletion: answers.chatCompletion,
  ChatCompletionChunk: answers.chatCompletionChunk,
  Completion: answers.completion,
  Message: answers.message,
  MessageEvent: answers.messageEvent,
  Embeddings: answers.embeddings,
  Response: answers.response,
  ResponseEvent: answers.responseEvent,
  ResponseItems: answers.responseItems,
  ResponseDeleted: answers.responseDeleted,
  Model: answers.model,
  Models: answers.models,
  Status: answers.status,
  Error: answers.error,
  MessagesError: answers.messagesError,
};

function describe(operation: Operation) {
  const { path, tag, summary, description, body, isOpen } = operation;
  return {
    tags: [tag],
    operationId: `${operation.method}${path.replace(/[^a-z]+([a-z]?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(isOpen ? { security: [{}] } : {}),
    parameters: parametersOf(operation),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: bodySchema(path, body) } } } }),
    responses: { 200: answerOf(operation.answer), ...errorsOf(operation) },
  };
}

function parametersOf({ places = {}, headers = [] }: Operation) {
  return [
    ...Object.entries(places).map(([name, description]) => ({
      name,
      in: 'path',
      required: true,
      description,
      schema: { type: 'string' },
    })),
    ...headers.map((header: Header) => ({ ...header, in: 'header' })),
  ];
}

/** Fields that are refused whatever they hold are left out: `additionalProperties` says so of them. */
export function bodySchema(path: string, body: RequestBody): JsonSchema {
  const fields = fieldsOf(body).filter(({ kind }) => kind !== 'refused');
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(path, field)])),
    required: fields.filter(({ isRequired }) => isRequired).map(({ name }) => name),
    additionalProperties: false,
  };
}

function fieldSchema(path: string, { name, kind, schema }: Field): JsonSchema {
  const description =
    kind === 'neutral' ? 'Known and not done: only values that ask for nothing.' : fieldNote(path, name);
  return description === undefined ? schema : { ...schema, description };
}

function answerOf({ description, json, event, type }: Answer) {
  const content = {
    ...(json === undefined ? {} : { 'application/json': { schema: reference(json) } }),
    ...(event === undefined ? {} : { 'text/event-stream': { schema: reference(event) } }),
    ...(type === undefined ? {} : { [type]: {} }),
  };
  return { description, content };
}

function errorsOf({ tag, errors }: Operation) {
  const schema = reference(tag === 'Anthropic' ? answers.messagesError : answers.error);
  const entries = [...codesByStatus(errors)].map(([status, codes]) => {
    const waits = status === 429 || status === 503;
    const retryAfter = { description: 'Seconds, where it is known.', schema: { type: 'integer', minimum: 1 } };
    return [
      status,
      {
        description: codesLine(codes),
        ...(waits ? { headers: { 'retry-after': retryAfter } } : {}),
        content: { 'application/json': { schema } },
      },
    ] as const;
  });
  return Object.fromEntries(entries);
}

function codesLine(codes: readonly ErrorCode[]): string {
  return codes.map((code) => `\`${code}\``).join(', ');
}

function reference(schema: z.ZodType): JsonSchema {
  const name = Object.keys(components).find((key) => components[key] === schema);
  return name === undefined ? jsonSchema(schema) : { $ref: `#/components/schemas/${name}` };
}
