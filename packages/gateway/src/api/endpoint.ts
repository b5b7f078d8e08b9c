import { chatReply } from './chat-reply.js';
import { parseChatRequest } from './chat-request.js';
import { completionReply } from './completion-reply.js';
import { parseCompletionRequest } from './completion-request.js';
import { embeddingReply } from './embedding-reply.js';
import { parseEmbeddingRequest } from './embedding-request.js';
import type { GenerationCall } from './generation-call.js';
import { messagesReply } from './messages/messages-reply.js';
import { parseMessagesRequest } from './messages/messages-request.js';
import type { ReplyFormat, ReplyHead } from './reply-format.js';
import { continueResponse, type OwnResponses } from './responses/kept-responses.js';
import { responsesReply } from './responses/responses-reply.js';
import { parseResponsesRequest } from './responses/responses-request.js';

/** One way of asking for text: how its body is read and its reply written. */
export interface Endpoint {
  readonly path: string;
  readonly idPrefix: string;
  /** @throws ServingError that names field, value and bound. */
  parse(body: unknown): GenerationCall;
  /**
   * Completes a call with what is kept of earlier ones; absent: it is whole.
   * @throws (rejects) ServingError where that is not there.
   */
  prepare?(call: GenerationCall, responses: OwnResponses): Promise<GenerationCall>;
  reply(head: ReplyHead, call: GenerationCall, responses: OwnResponses): ReplyFormat;
  /**
   * Whether streams are written down where journals are kept: an event's place has to follow from the number of tokens
   * alone, in however many steps they came.
   */
  readonly isResumable: boolean;
}

export const endpoints: readonly Endpoint[] = [
  {
    path: '/v1/chat/completions',
    idPrefix: 'chatcmpl-',
    parse: parseChatRequest,
    reply: chatReply,
    isResumable: true,
  },
  {
    path: '/v1/completions',
    idPrefix: 'cmpl-',
    parse: parseCompletionRequest,
    reply: completionReply,
    isResumable: true,
  },
  {
    path: '/v1/embeddings',
    idPrefix: 'embd-',
    parse: parseEmbeddingRequest,
    reply: embeddingReply,
    isResumable: false,
  },
  { path: '/v1/messages', idPrefix: 'msg_', parse: parseMessagesRequest, reply: messagesReply, isResumable: false },
  {
    path: '/v1/responses',
    idPrefix: 'resp_',
    parse: parseResponsesRequest,
    prepare: continueResponse,
    reply: responsesReply,
    isResumable: false,
  },
];
