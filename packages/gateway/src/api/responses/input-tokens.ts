import type { TokenizeReply, TokenizeRequestInit } from '@sluice/proto';
import { toolsJson } from '../../tools/tool-use.js';
import { readFields } from '../read-fields.js';
import type { Asked } from '../tokenize-request.js';
import { continueResponse, type OwnResponses } from './kept-responses.js';
import { parseResponsesRequest, responsesSchema, unsupportedFields } from './responses-request.js';

/** What of a request for a response is its prompt, or may be said of it. */
export const inputTokensSchema = responsesSchema.pick({
  model: true,
  input: true,
  instructions: true,
  parallel_tool_calls: true,
  previous_response_id: true,
  text: true,
  tool_choice: true,
  tools: true,
});

/**
 * Body of `POST /v1/responses/input_tokens`.
 * @throws (rejects) ServingError as a request for a response.
 */
export async function parseInputTokensRequest(
  body: unknown,
  responses: OwnResponses,
): Promise<Asked<TokenizeRequestInit>> {
  const fields = readFields(inputTokensSchema, body, unsupportedFields);
  const { model, prompts, tools } = await continueResponse(parseResponsesRequest(fields), responses);
  const [prompt] = prompts;
  return {
    model,
    request: {
      messagesJson: prompt?.kind === 'messages' ? prompt.json : '[]',
      toolsJson: tools === undefined ? '' : toolsJson(tools),
    },
  };
}

export function inputTokensBody({ ids }: TokenizeReply): string {
  return JSON.stringify({ object: 'response.input_tokens', input_tokens: ids.length });
}
