import { z } from 'zod';
import { checkedByHand } from '../checked-by-hand.js';
import { type AskedConstraint, anyObject, schemaConstraint } from '../constraint-fields.js';
import { fieldError } from '../field-error.js';
import { type GenerationCall, plainCall } from '../generation-call.js';
import { wellFormedString } from '../generation-fields.js';
import { isShallow, tooDeep } from '../nesting.js';
import { readFields } from '../read-fields.js';
import { readKind } from '../read-kind.js';
import { type IsNeutral, is, isEmpty, neutral, never } from '../unsupported-fields.js';
import { inputSchema, readInput } from './response-items.js';
import { continued, type ResponseTerms } from './response-terms.js';
import { readToolFields, toolFields } from './response-tools.js';

const countMax = 2 ** 31 - 1;
const formatKinds = {
  text: z.strictObject({ type: z.literal('text') }),
  json_object: z.strictObject({ type: z.literal('json_object') }),
  json_schema: z.strictObject({
    type: z.literal('json_schema'),
    name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, { error: 'must have 1 to 64 letters, digits, "_" and "-"' }),
    description: wellFormedString.max(65_536).nullish(),
    schema: z.record(z.string(), z.unknown()).refine(isShallow, tooDeep),
    /** Answers follow the schema either way. */
    strict: z.boolean().nullish(),
  }),
};
const textFormat = checkedByHand(z.looseObject({}), z.union(Object.values(formatKinds)));
const logprobsIncluded = 'message.output_text.logprobs';

export const responsesSchema = z.strictObject({
  ...toolFields,
  model: z.string().min(1).max(512).optional(),
  input: inputSchema,
  /** There is no reasoning that could be included, so to ask for it asks for nothing. */
  include: z
    .array(z.enum([logprobsIncluded, 'reasoning.encrypted_content']))
    .max(16)
    .optional(),
  instructions: wellFormedString.optional(),
  max_output_tokens: z.int().min(1).max(countMax).optional(),
  metadata: z
    .record(z.string().max(64), z.string().max(512))
    .refine((metadata) => Object.keys(metadata).length <= 16, { error: 'must have at most 16 keys' })
    .optional(),
  previous_response_id: z.string().max(512).optional(),
  prompt_cache_key: z.string().max(512).optional(),
  safety_identifier: z.string().max(512).optional(),
  store: z.boolean().optional(),
  stream: z.boolean().optional(),
  stream_options: z.strictObject({ include_obfuscation: z.literal(false).optional() }).optional(),
  temperature: z.number().min(0).max(2).optional(),
  text: z.strictObject({ format: textFormat.optional(), verbosity: z.literal('medium').nullish() }).optional(),
  top_logprobs: z.int().min(0).max(20).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  user: z.string().max(512).optional(),
});

const isNoReasoning = neutral(
  { type: 'object', properties: { effort: { enum: ['none', null] } }, additionalProperties: { type: 'null' } },
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([key, each]) => each === null || (key === 'effort' && each === 'none')),
);

/** Fields of the API that are known and not done. */
export const unsupportedFields: Readonly<Record<string, IsNeutral>> = {
  background: is(false),
  context_management: isEmpty,
  conversation: never,
  max_tool_calls: never,
  moderation: never,
  prompt: never,
  prompt_cache_options: never,
  prompt_cache_retention: is('in_memory'),
  reasoning: isNoReasoning,
  service_tier: is('auto', 'default'),
  truncation: is('disabled'),
};

/**
 * Body of `POST /v1/responses`. Where it goes on behind another response, the prompt is not whole yet.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function parseResponsesRequest(body: unknown): GenerationCall {
  const fields = readFields(responsesSchema, body, unsupportedFields);
  const wantsLogprobs = fields.include?.includes(logprobsIncluded) ?? false;
  if (fields.top_logprobs !== undefined && !wantsLogprobs) {
    throw fieldError('top_logprobs', `${fields.top_logprobs} must come with include: ["${logprobsIncluded}"]`);
  }
  if (fields.stream_options !== undefined && fields.stream !== true) {
    throw fieldError('stream_options', 'must come with stream: true');
  }
  const tools = readToolFields(fields);
  const terms: ResponseTerms = {
    echo: {
      ...tools.echo,
      instructions: fields.instructions ?? null,
      max_output_tokens: fields.max_output_tokens ?? null,
      metadata: fields.metadata ?? {},
      previous_response_id: fields.previous_response_id ?? null,
      prompt_cache_key: fields.prompt_cache_key ?? null,
      safety_identifier: fields.safety_identifier ?? null,
      store: fields.store ?? true,
      temperature: fields.temperature ?? 1,
      text: { format: fields.text?.format ?? { type: 'text' }, verbosity: 'medium' },
      top_logprobs: fields.top_logprobs ?? 0,
      top_p: fields.top_p ?? 1,
      user: fields.user ?? null,
    },
    items: readInput(fields.input),
  };
  const call = {
    ...plainCall,
    promptName: 'input',
    model: fields.model,
    prompts: [],
    tools: tools.use,
    constraint: readFormat(fields.text?.format),
    tokensMax: fields.max_output_tokens ?? 0,
    tokensMaxField: 'max_output_tokens',
    sampling: { ...plainCall.sampling, temperature: fields.temperature ?? 1, topP: fields.top_p ?? 1 },
    logprobsTop: wantsLogprobs ? (fields.top_logprobs ?? 0) : undefined,
    stream: fields.stream ?? false,
    includeUsage: true,
    user: fields.user,
  };
  return fields.previous_response_id === undefined ? continued(call, terms, []) : { ...call, response: terms };
}

function readFormat(given: object | undefined): AskedConstraint | undefined {
  if (given === undefined) return undefined;
  const format = readKind(given, 'text.format', formatKinds);
  switch (format.type) {
    case 'text':
      return undefined;
    case 'json_object':
      return anyObject('text.format');
    case 'json_schema':
      return schemaConstraint('text.format.schema', format.schema);
  }
}
