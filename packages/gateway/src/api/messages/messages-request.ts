import { z } from 'zod';
import { checkedByHand } from '../checked-by-hand.js';
import { schemaConstraint } from '../constraint-fields.js';
import { type GenerationCall, plainCall } from '../generation-call.js';
import { wellFormedString } from '../generation-fields.js';
import { isShallow, tooDeep } from '../nesting.js';
import { readFields } from '../read-fields.js';
import { anything, type IsNeutral, is, isEmpty, isOfType, never } from '../unsupported-fields.js';
import { isBegun, messageSchema, readMessages, textSchema } from './message-blocks.js';
import { readToolFields, toolFields } from './message-tools.js';

const countMax = 2 ** 31 - 1;
const messagesMax = 4_096;

/** What of a body is the prompt; all of the body where its tokens are to be counted. */
export const promptFields = {
  ...toolFields,
  model: z.string().min(1).max(512),
  messages: checkedByHand(z.array(z.unknown()).min(1).max(messagesMax), z.array(messageSchema).min(1).max(messagesMax)),
  system: z
    .union([wellFormedString, checkedByHand(z.array(z.unknown()).max(1_024), z.array(textSchema).max(1_024))])
    .optional(),
};

/** What an answer has to be. */
export const outputConfig = z
  .strictObject({
    effort: z.null().optional(),
    format: z
      .strictObject({
        type: z.literal('json_schema'),
        schema: z.record(z.string(), z.unknown()).refine(isShallow, tooDeep),
      })
      .nullish(),
  })
  .optional();

export const messagesSchema = z.strictObject({
  ...promptFields,
  max_tokens: z.int().min(1).max(countMax),
  stop_sequences: z.array(wellFormedString.min(1).max(1_024)).max(16).optional(),
  stream: z.boolean().optional(),
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.int().min(0).max(countMax).optional(),
  output_config: outputConfig,
  metadata: z.strictObject({ user_id: z.string().max(512).nullish() }).optional(),
});

/** Fields of the API that are known and not done. */
export const unsupportedFields: Readonly<Record<string, IsNeutral>> = {
  cache_control: anything,
  container: never,
  context_management: never,
  diagnostics: never,
  inference_geo: never,
  mcp_servers: isEmpty,
  service_tier: is('auto', 'standard_only'),
  speed: is('standard'),
  thinking: isOfType('disabled'),
  user_profile_id: never,
  workspace_id: never,
};

/**
 * Body of `POST /v1/messages`.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseMessagesRequest(body: unknown): GenerationCall {
  const fields = readFields(messagesSchema, body, unsupportedFields);
  const { messages, places } = readMessages(fields.system, fields.messages);
  const schema = fields.output_config?.format?.schema;
  return {
    ...plainCall,
    model: fields.model,
    prompts: [{ kind: 'messages', json: JSON.stringify(messages), places }],
    continuesFinal: isBegun(messages),
    tools: readToolFields(fields),
    constraint: schema && schemaConstraint('output_config.format.schema', schema),
    tokensMax: fields.max_tokens,
    tokensMaxField: 'max_tokens',
    sampling: {
      ...plainCall.sampling,
      temperature: fields.temperature ?? 1,
      topP: fields.top_p ?? 1,
      topK: fields.top_k ?? 0,
    },
    stopStrings: fields.stop_sequences ?? [],
    stream: fields.stream ?? false,
    includeUsage: true,
    user: fields.metadata?.user_id ?? undefined,
  };
}
