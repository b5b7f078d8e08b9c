import type { ModelInfo, TokenizeReply, TokenizeRequestInit } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import { z } from 'zod';
import { chatToolFields, readChatTools } from '../tools/chat-tools.js';
import { toolsJson } from '../tools/tool-use.js';
import { chatMessages, readMessages } from './chat-messages.js';
import { checkedByHand } from './checked-by-hand.js';
import { fieldError } from './field-error.js';
import { wellFormedString } from './generation-fields.js';
import { readFields } from './read-fields.js';
import { tokenText } from './reply-format.js';

/** As many as a worker takes. */
const idsMax = 2 ** 20;

const model = z.string().min(1).max(512).optional();

export const tokenizeSchema = z.strictObject({
  model,
  prompt: wellFormedString.optional(),
  messages: chatMessages.optional(),
  tools: chatToolFields.tools,
  /** Of a text: put the token in front with which the model expects it to begin. */
  add_special_tokens: z.boolean().optional(),
  return_token_strs: z.boolean().optional(),
  /** Of messages: open the assistant's turn behind them. */
  add_generation_prompt: z.boolean().optional(),
  continue_final_message: z.boolean().optional(),
});

export const detokenizeSchema = z.strictObject({
  model,
  // Not z.array, which would copy what may be a million of them.
  tokens: checkedByHand(
    z.custom<readonly unknown[]>(Array.isArray, 'must be an array'),
    z.array(z.int().min(0)).max(idsMax),
  ),
});

/** A body that has been checked. */
export interface Asked<Request> {
  readonly model: string | undefined;
  readonly request: Request;
}

/**
 * Body of `POST /tokenize`, as vLLM has it: a text, or messages as the model reads them.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseTokenizeRequest(body: unknown): Asked<TokenizeRequestInit> {
  const fields = readFields(tokenizeSchema, body, {});
  const { prompt, messages, tools, continue_final_message: continueFinalMessage = false } = fields;
  const withTokens = fields.return_token_strs ?? false;
  if (prompt !== undefined) {
    if (messages !== undefined) throw fieldError('messages', 'must not come with prompt');
    for (const field of ['tools', 'continue_final_message', 'add_generation_prompt'] as const) {
      if (fields[field] !== undefined) throw fieldError(field, 'must come with messages');
    }
    return {
      model: fields.model,
      request: { text: prompt, withoutBegin: fields.add_special_tokens === false, withTokens },
    };
  }
  if (messages === undefined) throw fieldError('prompt', 'is required, or messages');
  // A template writes what its model expects, and nothing else is put in front.
  if (fields.add_special_tokens === true) {
    const problem = 'add_special_tokens: true is not supported for messages';
    throw new ServingError('unsupported_parameter', problem, { field: 'add_special_tokens' });
  }
  if (continueFinalMessage && fields.add_generation_prompt === true) {
    throw fieldError('add_generation_prompt', 'must be false with continue_final_message');
  }
  const use = tools && readChatTools({ tools });
  return {
    model: fields.model,
    request: {
      messagesJson: readMessages(messages),
      toolsJson: use === undefined ? '' : toolsJson(use),
      continueFinalMessage,
      noTurn: fields.add_generation_prompt === false && !continueFinalMessage,
      withTokens,
    },
  };
}

/**
 * Body of `POST /detokenize`, as vLLM has it.
 * @throws ServingError `invalid_request`, naming field, value and bound.
 */
export function parseDetokenizeRequest(body: unknown): Asked<{ readonly ids: number[] }> {
  const { model, tokens } = readFields(detokenizeSchema, body, {});
  if (tokens.length > idsMax) throw fieldError('tokens', `${tokens.length} tokens must be at most ${idsMax}`);
  for (const [index, id] of tokens.entries()) {
    if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 32) continue;
    throw fieldError(`tokens[${index}]`, `must be a token id, a whole number of at least 0`);
  }
  return { model, request: { ids: tokens as number[] } };
}

/** vLLM's reply. */
export function tokenizeBody({ ids, tokens }: TokenizeReply, model: ModelInfo, withTokens: boolean): string {
  return JSON.stringify({
    count: ids.length,
    max_model_len: model.contextTokens,
    tokens: ids,
    token_strs: withTokens ? tokens.map(tokenText) : null,
  });
}

/** A worker's refusal in the words of the caller. */
export function tokenizeError(thrown: unknown): unknown {
  if (!(thrown instanceof ServingError) || thrown.field === undefined) return thrown;
  const { code, message, field } = thrown;
  const name = field
    .replace(/^text$/, 'prompt')
    .replace(/^ids\b/, 'tokens')
    .replace(/_json$/, '');
  return new ServingError(code, message.startsWith(field) ? name + message.slice(field.length) : message, {
    field: name,
    cause: thrown,
  });
}
