import { chatSchema } from '../api/chat-request.js';
import { completionSchema } from '../api/completion-request.js';
import { embeddingSchema } from '../api/embedding-request.js';
import { messagesSchema, unsupportedFields as unsupportedOfMessages } from '../api/messages/messages-request.js';
import { detokenizeSchema, tokenizeSchema } from '../api/tokenize-request.js';
import { unsupportedFields } from '../api/unsupported-fields.js';
import { addWorkerSchema } from '../http/admin-routes.js';
import * as answers from './answer-schemas.js';
import type { Header, Operation } from './operation.js';

const milliseconds = { type: 'integer', minimum: 1, maximum: 3_600_000 };

/** Of every request that generates. */
const servingHeaders: readonly Header[] = [
  {
    name: 'x-sluice-priority',
    description: 'How urgent it is.',
    schema: { type: 'string', enum: ['low', 'normal', 'high'] },
  },
  { name: 'x-sluice-ttft-ms', description: 'Its objective for the first token, milliseconds.', schema: milliseconds },
  { name: 'x-sluice-tbt-ms', description: 'Its objective between tokens, milliseconds.', schema: milliseconds },
  { name: 'x-sluice-queue-ms', description: 'How long it may wait for a worker, else 429.', schema: milliseconds },
  {
    name: 'x-sluice-session',
    description: 'Kept on one worker under `--routing session`.',
    schema: { type: 'string', minLength: 1, maxLength: 256 },
  },
];
const lastEventId: Header = {
  name: 'last-event-id',
  description:
    'The id of the last event that a client has of a stream which it lost (`--journal on`); it gets the rest.',
  schema: { type: 'string' },
};
const generating = ['any', 'body', 'model', 'prompt', 'worker'] as const;

/** Every path of the gateway. */
export const operations: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/chat/completions',
    tag: 'OpenAI',
    summary: 'Answers a conversation',
    body: { schema: chatSchema, unsupported: unsupportedFields },
    headers: [...servingHeaders, lastEventId],
    answer: { description: 'The answer.', json: answers.chatCompletion, event: answers.chatCompletionChunk },
    errors: [...generating, 'stream', 'missing'],
  },
  {
    method: 'post',
    path: '/v1/completions',
    tag: 'OpenAI',
    summary: 'Continues a text',
    body: { schema: completionSchema, unsupported: unsupportedFields },
    headers: [...servingHeaders, lastEventId],
    answer: { description: 'The continuation.', json: answers.completion, event: answers.completion },
    errors: [...generating, 'stream', 'missing'],
  },
  {
    method: 'post',
    path: '/v1/embeddings',
    tag: 'OpenAI',
    summary: 'Turns texts into vectors',
    body: { schema: embeddingSchema },
    headers: servingHeaders,
    answer: { description: 'One for each input, in their order.', json: answers.embeddings },
    errors: generating,
  },
  {
    method: 'get',
    path: '/v1/models',
    tag: 'OpenAI',
    summary: 'Lists the models',
    answer: { description: 'Those that the caller may use.', json: answers.models },
    errors: ['any'],
  },
  {
    method: 'get',
    path: '/v1/models/{model}',
    tag: 'OpenAI',
    summary: 'Shows a model',
    places: { model: 'Its name, slashes included.' },
    answer: { description: 'The model.', json: answers.model },
    errors: ['any', 'model'],
  },
  {
    method: 'post',
    path: '/v1/messages',
    tag: 'Anthropic',
    summary: 'Answers a conversation',
    description: 'Errors have the shape that clients of this API expect.',
    body: { schema: messagesSchema, unsupported: unsupportedOfMessages },
    headers: servingHeaders,
    answer: { description: 'The answer.', json: answers.message, event: answers.messageEvent },
    errors: generating,
  },
  {
    method: 'post',
    path: '/tokenize',
    tag: 'Sluice',
    summary: 'The tokens of a text, or of a conversation as the model reads it',
    description: 'As vLLM has it.',
    body: { schema: tokenizeSchema },
    answer: { description: 'The tokens.', json: answers.tokens },
    errors: generating,
  },
  {
    method: 'post',
    path: '/detokenize',
    tag: 'Sluice',
    summary: 'The text of tokens',
    description: 'As vLLM has it.',
    body: { schema: detokenizeSchema },
    answer: { description: 'The text.', json: answers.detokenized },
    errors: generating,
  },
  {
    method: 'get',
    path: '/props',
    tag: 'Sluice',
    summary: 'What a model is like',
    description: 'As llama.cpp’s server has it, and more. `?model=` names one of several.',
    answer: { description: 'The model.', json: answers.props },
    errors: ['any', 'model'],
  },
  {
    method: 'get',
    path: '/version',
    tag: 'Operation',
    summary: 'The version of the gateway',
    answer: { description: 'The version.', json: answers.version },
    errors: ['any'],
  },
  {
    method: 'get',
    path: '/v1/streams/{id}',
    tag: 'Sluice',
    summary: 'The rest of a stream that was lost',
    description: 'Where the gateway keeps journals (`--journal on`). 204 says that the client has everything.',
    places: { id: 'Of the stream: what stands before the dot in the ids of its events.' },
    headers: [lastEventId],
    answer: { description: 'Events, as the stream would have brought them.', type: 'text/event-stream' },
    errors: ['any', 'missing', 'stream', 'worker'],
  },
  {
    method: 'get',
    path: '/health',
    tag: 'Operation',
    summary: 'Whether the gateway runs',
    answer: { description: 'It does.', json: answers.status },
    errors: [],
    isOpen: true,
  },
  {
    method: 'get',
    path: '/ready',
    tag: 'Operation',
    summary: 'Whether each process of the gateway has a worker that is ready',
    answer: { description: 'They have.', json: answers.status },
    errors: ['worker'],
    isOpen: true,
  },
  {
    method: 'get',
    path: '/metrics',
    tag: 'Operation',
    summary: 'Metrics in Prometheus’ format',
    answer: { description: 'The metrics.', type: 'text/plain' },
    errors: ['any'],
  },
  {
    method: 'get',
    path: '/openapi.json',
    tag: 'Operation',
    summary: 'This description',
    answer: { description: 'OpenAPI 3.1.', type: 'application/json' },
    errors: [],
    isOpen: true,
  },
  {
    method: 'get',
    path: '/docs',
    tag: 'Operation',
    summary: 'This description as a page',
    answer: { description: 'HTML that needs no other host.', type: 'text/html' },
    errors: [],
    isOpen: true,
  },
  {
    method: 'get',
    path: '/admin/workers',
    tag: 'Operation',
    summary: 'The gateway’s workers, who named them, and their load',
    answer: { description: 'The workers.', type: 'application/json' },
    errors: ['any'],
  },
  {
    method: 'post',
    path: '/admin/workers',
    tag: 'Operation',
    summary: 'Takes on a worker',
    body: { schema: addWorkerSchema },
    answer: { description: 'Its address.', json: addWorkerSchema },
    errors: ['any', 'body'],
  },
  {
    method: 'delete',
    path: '/admin/workers/{address}',
    tag: 'Operation',
    summary: 'Lets a worker go when its last request has ended',
    places: { address: 'As it was named: `grpc://host:port`.' },
    answer: { description: 'Its address.', json: addWorkerSchema },
    errors: ['any', 'body', 'missing'],
  },
];
