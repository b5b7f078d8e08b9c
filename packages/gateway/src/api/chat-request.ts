import { z } from 'zod';
import { chatToolFields, readChatTools } from '../tools/chat-tools.js';
import { chatMessages, readMessages } from './chat-messages.js';
import { fieldError } from './field-error.js';
import { type GenerationCall, plainCall } from './generation-call.js';
import { generationFields, readGenerationFields } from './generation-fields.js';
import { parseBody } from './parse-body.js';

export const chatSchema = z.strictObject({
  ...generationFields,
  ...chatToolFields,
  messages: chatMessages,
  max_completion_tokens: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .optional(),
  logprobs: z.boolean().optional(),
  top_logprobs: z.int().min(0).max(20).optional(),
  /** The last message, the assistant's, is the beginning of the answer; as in vLLM, no other turn is opened then. */
  continue_final_message: z.boolean().optional(),
  add_generation_prompt: z.boolean().optional(),
});

/**
 * Body of `POST /v1/chat/completions`.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseChatRequest(body: unknown): GenerationCall {
  const fields = parseBody(chatSchema, body);
  const { max_tokens, max_completion_tokens } = fields;
  if (max_tokens !== undefined && max_completion_tokens !== undefined && max_tokens !== max_completion_tokens) {
    throw fieldError('max_completion_tokens', `${max_completion_tokens} must equal max_tokens, ${max_tokens}`);
  }
  if (fields.top_logprobs !== undefined && fields.logprobs !== true) {
    throw fieldError('top_logprobs', `${fields.top_logprobs} must come with logprobs: true`);
  }
  return {
    ...plainCall,
    ...readGenerationFields(fields),
    ...readTurn(fields),
    prompts: [{ kind: 'messages', json: readMessages(fields.messages) }],
    tools: readChatTools(fields),
    tokensMax: max_completion_tokens ?? max_tokens ?? 0,
    tokensMaxField: max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens',
    logprobsTop: fields.logprobs ? (fields.top_logprobs ?? 0) : undefined,
  };
}

/** Whether the last message is the beginning of the answer, and whether a turn of the assistant's is opened behind it. */
function readTurn({ continue_final_message, add_generation_prompt }: z.output<typeof chatSchema>) {
  const continuesFinal = continue_final_message ?? false;
  if (continuesFinal && add_generation_prompt) {
    throw fieldError('continue_final_message', 'must not come with add_generation_prompt: true');
  }
  return { continuesFinal, opensTurn: add_generation_prompt ?? !continuesFinal };
}
