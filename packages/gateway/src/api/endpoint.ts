import { chatReply } from './chat-reply.js';
import { parseChatRequest } from './chat-request.js';
import { completionReply } from './completion-reply.js';
import { parseCompletionRequest } from './completion-request.js';
import type { GenerationCall } from './generation-call.js';
import type { ReplyFormat, ReplyHead } from './reply-format.js';

/** One way of asking for text: how its body is read and its reply written. */
export interface Endpoint {
  readonly path: string;
  readonly idPrefix: string;
  /** @throws ServingError that names field, value and bound. */
  parse(body: unknown): GenerationCall;
  reply(head: ReplyHead): ReplyFormat;
}

export const endpoints: readonly Endpoint[] = [
  { path: '/v1/chat/completions', idPrefix: 'chatcmpl-', parse: parseChatRequest, reply: chatReply },
  { path: '/v1/completions', idPrefix: 'cmpl-', parse: parseCompletionRequest, reply: completionReply },
];
