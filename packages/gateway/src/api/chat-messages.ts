import { ServingError } from '@sluice/shared';
import { z } from 'zod';
import { checkResults, messageCallId, messageCalls } from '../tools/chat-calls.js';
import { checkedByHand } from './checked-by-hand.js';
import { errorFromIssues, fieldError } from './field-error.js';
import { isWellFormed, wellFormedString } from './generation-fields.js';

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
  /** May be left out beside `tool_calls`. */
  content: z.union([wellFormedString, partsSchema]).optional(),
  name: wellFormedString.max(512).optional(),
  tool_calls: messageCalls.optional(),
  tool_call_id: messageCallId.optional(),
});

/** `messages` of `POST /v1/chat/completions`, for {@link readMessages}. */
export const chatMessages = checkedByHand(
  z.array(z.unknown()).min(1).max(messagesMax),
  z.array(messageSchema).min(1).max(messagesMax),
);

interface Message {
  readonly role: string;
  readonly content: string | null;
  readonly name?: string | undefined;
  readonly tool_calls?: z.output<typeof messageCalls> | undefined;
  readonly tool_call_id?: string | undefined;
}

/**
 * The messages as JSON for a worker.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming message, field, value and bound.
 */
export function readMessages(input: readonly unknown[]): string {
  const messages = input.map(readMessage);
  checkResults(messages);
  return JSON.stringify(messages);
}

/** One message at a time, so that the first bad one of thousands ends it. */
function readMessage(input: unknown, index: number): Message {
  const field = `messages[${index}]`;
  if (typeof input !== 'object' || input === null) throw errorFromIssuesOf(messageSchema, input, field);
  // In the same order from every client, so that prompts which begin alike also read alike.
  if (isPlain(input)) return { role: input.role, content: input.content };
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
  for (const unsupported of ['function_call', 'audio', 'refusal']) {
    if (!Object.hasOwn(given, unsupported)) continue;
    throw new ServingError('unsupported_parameter', `${field}.${unsupported}: is not supported`, {
      field: `${field}.${unsupported}`,
    });
  }
  const parsed = messageSchema.safeParse(given);
  if (!parsed.success) throw errorFromIssues(parsed.error.issues, given, field);
  const { role, content, tool_calls = [], ...rest } = parsed.data;
  if (tool_calls.length > 0 && role !== 'assistant') {
    throw fieldError(`${field}.tool_calls`, `must come with the role "assistant", not "${role}"`);
  }
  if (content === undefined && tool_calls.length === 0) throw fieldError(`${field}.content`, 'is required');
  return {
    // The newer name of the same role; no chat template of an open model knows it.
    role: role === 'developer' ? 'system' : role,
    content: contentText(content, field),
    ...(tool_calls.length > 0 ? { tool_calls } : {}),
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

/** Those that go on under their own name and need nothing else. */
const plainRoles: ReadonlySet<unknown> = new Set(['system', 'user', 'assistant']);

function contentText(content: string | readonly z.output<typeof partSchema>[] | undefined, field: string) {
  if (content === undefined || typeof content === 'string') return content ?? null;
  return content.map((part, at) => readPart(part, field, at)).join('');
}

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
