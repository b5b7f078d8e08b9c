import { z } from 'zod';

// What replies look like. Nothing is checked against these when it is sent; tests hold real replies against them.

const count = z.int().min(0);
const usage = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.object({ cached_tokens: count }),
});
const finishReason = z.enum(['stop', 'length', 'content_filter', 'tool_calls']);
const toolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string().meta({ description: 'JSON, as the model wrote it.' }) }),
});
const toolCallDelta = z.object({
  index: count,
  id: z.string().optional(),
  type: z.literal('function').optional(),
  function: z.object({ name: z.string().optional(), arguments: z.string() }),
});
const tokenLogprob = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int().min(0).max(255)) });
const chatLogprobs = z
  .object({
    content: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) })),
    refusal: z.null(),
  })
  .nullable();
const completionLogprobs = z
  .object({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.number().nullable()),
    top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullable(),
    text_offset: z.array(count),
  })
  .nullable();

const head = { id: z.string(), created: count, model: z.string(), system_fingerprint: z.string() };

export const chatCompletion = z.object({
  ...head,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.object({
      index: count,
      message: z.object({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        refusal: z.null(),
        tool_calls: z.array(toolCall).optional(),
      }),
      logprobs: chatLogprobs,
      finish_reason: finishReason,
    }),
  ),
  usage,
});

export const chatCompletionChunk = z.object({
  ...head,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.object({
      index: count,
      delta: z.object({
        role: z.literal('assistant').optional(),
        content: z.string().optional(),
        tool_calls: z.array(toolCallDelta).optional(),
      }),
      logprobs: chatLogprobs,
      finish_reason: finishReason.nullable(),
    }),
  ),
  usage: usage.nullable().optional(),
});

/** Of a whole reply and of each event of a stream. */
export const completion = z.object({
  ...head,
  object: z.literal('text_completion'),
  choices: z.array(
    z.object({
      index: count,
      text: z.string(),
      logprobs: completionLogprobs,
      finish_reason: finishReason.nullable(),
    }),
  ),
  usage: usage.nullable().optional(),
});

export const message = z.object({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string(),
  content: z.array(
    z.union([
      z.object({ type: z.literal('text'), text: z.string() }),
      z.object({
        type: z.literal('tool_use'),
        id: z.string(),
        name: z.string(),
        input: z.record(z.string(), z.unknown()),
      }),
    ]),
  ),
  stop_reason: z.enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'refusal']).nullable(),
  stop_sequence: z.string().nullable(),
  usage: z.object({ input_tokens: count, output_tokens: count }),
});

export const messageEvent = z.looseObject({
  type: z.enum([
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
    'error',
  ]),
});

const outputText = z.looseObject({ type: z.literal('output_text'), text: z.string() });
export const response = z.looseObject({
  id: z.string(),
  object: z.literal('response'),
  created_at: count,
  status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  incomplete_details: z.object({ reason: z.enum(['max_output_tokens', 'content_filter']) }).nullable(),
  model: z.string(),
  output: z.array(
    z.union([
      z.looseObject({ type: z.literal('message'), id: z.string(), content: z.array(outputText) }),
      z.looseObject({ type: z.literal('function_call'), call_id: z.string(), name: z.string(), arguments: z.string() }),
    ]),
  ),
  previous_response_id: z.string().nullable(),
  usage: z.looseObject({ input_tokens: count, output_tokens: count, total_tokens: count }).nullable(),
});

export const responseEvent = z.looseObject({ type: z.string(), sequence_number: count });

export const responseItems = z.object({
  object: z.literal('list'),
  data: z.array(z.looseObject({ type: z.string(), id: z.string() })),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

export const responseDeleted = z.object({ id: z.string(), object: z.literal('response'), deleted: z.literal(true) });

export const model = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: count,
  owned_by: z.literal('sluice'),
  max_model_len: count.optional().meta({ description: 'Most tokens of prompt and answer together.' }),
});

export const models = z.object({ object: z.literal('list'), data: z.array(model) });

export const embeddings = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: count,
      embedding: z
        .union([z.array(z.number()), z.string()])
        .meta({ description: 'Of length 1; in base64 32-bit floats, little-endian.' }),
    }),
  ),
  model: z.string(),
  usage: z.object({ prompt_tokens: count, total_tokens: count }),
});

export const tokenCount = z.object({ input_tokens: count });
export const inputTokens = z.object({ object: z.literal('response.input_tokens'), input_tokens: count });

export const tokens = z.object({
  count,
  max_model_len: count,
  tokens: z.array(count),
  token_strs: z.array(z.string()).nullable(),
});

export const detokenized = z.object({ prompt: z.string() });

export const version = z.object({ version: z.string() });

/** Where a model has them. */
const fillIn = z.object({ prefix_token_id: count, suffix_token_id: count, middle_token_id: count });

export const props = z.looseObject({
  default_generation_settings: z.looseObject({ n_ctx: count }),
  total_slots: count,
  model_path: z.string(),
  build_info: z.string(),
  n_vocab: count,
  n_embd: count,
  end_token_ids: z.array(count),
  fill_in: fillIn.nullable(),
});

export const status = z.object({ status: z.string() });

/** OpenAI's shape of an error. */
export const error = z.object({
  error: z.object({
    message: z.string().meta({ description: 'Names field, value and bound.' }),
    type: z.string(),
    param: z.string().nullable().meta({ description: 'The field at fault, like messages[0].content.' }),
    code: z.string(),
  }),
});

/** Anthropic's. */
export const messagesError = z.object({
  type: z.literal('error'),
  error: z.object({ type: z.string(), message: z.string() }),
  request_id: z.string(),
});
