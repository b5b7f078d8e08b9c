import { ServingError } from '@sluice/shared';
import { z } from 'zod';
import { checkedByHand } from './checked-by-hand.js';
import { errorFromIssues, fieldError } from './field-error.js';
import { type GenerationCall, plainCall } from './generation-call.js';
import { generationFields, isWellFormed, readGenerationFields, wellFormedString } from './generation-fields.js';
import { parseBody } from './parse-body.js';

const messagesMax = 4096;
const partsMax = 1024;

const partSchema = z.looseObject({ type: z.string() });
const textPartSchema = z.strictObject({ type: z.literal('text'), text: wellFormedString });
const partsSchema = checkedByHand(
  z.array(partSchema).min(1).max(partsMax),
  z.array(textPartSchema).min(1).max(partsMax),
);
const messageSchema = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.union([wellFormedString, partsSchema]),
  name: wellFormedString.max(512).optional(),
  tool_call_id: wellFormedString.max(512).optional(),
});

export const chatSchema = z.strictObject({
  ...generationFields,
  messages: checkedByHand(z.array(z.unknown()).min(1).max(messagesMax), z.array(messageSchema).min(1).max(messagesMax)),
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
    continuesFinal: readContinuesFinal(fields),
    prompts: [{ kind: 'messages', json: JSON.stringify(fields.messages.map(readMessage)) }],
    tokensMax: max_completion_tokens ?? max_tokens ?? 0,
    tokensMaxField: max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens',
    logprobsTop: fields.logprobs ? (fields.top_logprobs ?? 0) : undefined,
  };
}

function readContinuesFinal(fields: z.output<typeof chatSchema>): boolean {
  const { continue_final_message: continues = false, add_generation_prompt: opensTurn = !continues } = fields;
  if (continues && opensTurn) {
    throw fieldError('continue_final_message', 'must not come with add_generation_prompt: true');
  }
  if (!continues && !opensTurn) {
    throw fieldError('add_generation_prompt', 'false must come with continue_final_message: true');
  }
  return continues;
}

interface Message {
  readonly role: string;
  readonly content: string;
  readonly name?: string | undefined;
  readonly tool_call_id?: string | undefined;
}

/** One message at a time, so that the first bad one of thousands ends it. */
function readMessage(input: unknown, index: number): Message {
  const field = `messages[${index}]`;
  if (typeof input !== 'object' || input === null) throw errorFromIssuesOf(messageSchema, input, field);
  // In the same order from every client, so that prompts which begin alike also read alike.
  if (isPlain(input)) return { role: input.role, content: input.content };
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
  for (const unsupported of ['tool_calls', 'function_call', 'audio', 'refusal']) {
    if (!Object.hasOwn(given, unsupported)) continue;
    throw new ServingError('unsupported_parameter', `${field}.${unsupported}: is not supported`, {
      field: `${field}.${unsupported}`,
    });
  }
  const parsed = messageSchema.safeParse(given);
  if (!parsed.success) throw errorFromIssues(parsed.error.issues, given, field);
  const { role, content, ...rest } = parsed.data;
  return {
    // The newer name of the same role; no chat template of an open model knows it.
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : content.map((part, at) => readPart(part, field, at)).join(''),
    ...rest,
  };
}

/**
 * Whether it is a role and a text and nothing else, as nearly all are: then it is already what the schema would make of
 * it, at half the cost, of which a long chat pays one for each turn.
 */
function isPlain(input: object): input is Message {
  for (const field in input) if (field !== 'role' && field !== 'content') return false;
  const { role, content } = input as { readonly role?: unknown; readonly content?: unknown };
  return typeof content === 'string' && plainRoles.has(role) && isWellFormed(content);
}

/** Those that go on under their own name. */
const plainRoles: ReadonlySet<unknown> = new Set(['system', 'user', 'assistant', 'tool']);

function readPart(part: z.output<typeof partSchema>, message: string, index: number): string {
  const field = `${message}.content[${index}]`;
  if (part.type !== 'text') {
    const problem = `${JSON.stringify(part.type.slice(0, 40))} is not supported, only "text" is`;
    throw new ServingError('unsupported_parameter', `${field}.type: ${problem}`, { field: `${field}.type` });
  }
  const parsed = textPartSchema.safeParse(part);
  if (!parsed.success) throw errorFromIssues(parsed.error.issues, part, field);
  return parsed.data.text;
}

function errorFromIssuesOf(schema: z.ZodType, input: unknown, field: string): ServingError {
  return errorFromIssues(schema.safeParse(input).error?.issues ?? [], input, field);
}
