import type { TokenizeReply, TokenizeRequestInit } from '@sluice/proto';
import { z } from 'zod';
import { toolsJson } from '../../tools/tool-use.js';
import { readFields } from '../read-fields.js';
import type { Asked } from '../tokenize-request.js';
import { isBegun, readMessages } from './message-blocks.js';
import { readToolFields } from './message-tools.js';
import { outputConfig, promptFields, unsupportedFields } from './messages-request.js';

export const countTokensSchema = z.strictObject({ ...promptFields, output_config: outputConfig });

/**
 * Body of `POST /v1/messages/count_tokens`: what of a request for a message is its prompt.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseCountTokensRequest(body: unknown): Asked<TokenizeRequestInit> {
  const fields = readFields(countTokensSchema, body, unsupportedFields);
  const { messages } = readMessages(fields.system, fields.messages);
  const tools = readToolFields(fields);
  return {
    model: fields.model,
    request: {
      messagesJson: JSON.stringify(messages),
      toolsJson: tools === undefined ? '' : toolsJson(tools),
      continueFinalMessage: isBegun(messages),
    },
  };
}

export function countTokensBody({ ids }: TokenizeReply): string {
  return JSON.stringify({ input_tokens: ids.length });
}
