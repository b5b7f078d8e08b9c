import { ServingError } from '@sluice/shared';

/** One turn of a conversation, in OpenAI's shape; members beyond these (tool_calls, name) are handed to the template. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string | readonly TextPart[] | null;
  readonly [member: string]: unknown;
}

export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

/** Most messages of one conversation. */
const messagesMax = 4096;

const roles: ReadonlySet<string> = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

/**
 * Checks an OpenAI `messages` array that came over the wire as JSON.
 * @throws ServingError `invalid_request` (or `unsupported_parameter` for a part that is no text) naming the member.
 */
export function parseMessages(messagesJson: string): readonly ChatMessage[] {
  let value: unknown;
  try {
    value = JSON.parse(messagesJson);
  } catch (cause) {
    throw new ServingError('invalid_request', `messages is not JSON: ${String(cause)}`, { field: 'messages', cause });
  }
  if (!Array.isArray(value)) throw invalid('messages', 'must be a list');
  if (value.length === 0) throw invalid('messages', 'has 0 messages and must have at least 1');
  if (value.length > messagesMax) {
    throw invalid('messages', `has ${value.length} messages and must have at most ${messagesMax}`);
  }
  return value.map((message: unknown, index) => parseMessage(message, `messages[${index}]`));
}

function parseMessage(message: unknown, field: string): ChatMessage {
  if (!isRecord(message)) throw invalid(field, 'must be an object');
  const role = message.role;
  if (typeof role !== 'string' || !roles.has(role)) {
    throw invalid(`${field}.role`, `${shown(role)} must be one of ${[...roles].join(', ')}`);
  }
  const content = parseContent(message.content, `${field}.content`);
  const mayLackContent =
    role === 'assistant' && (message.tool_calls !== undefined || message.function_call !== undefined);
  if (content === null && !mayLackContent) throw invalid(`${field}.content`, 'is missing');
  return { ...message, role, content };
}

function parseContent(content: unknown, field: string): ChatMessage['content'] {
  if (content === undefined || content === null) return null;
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw invalid(field, `must be a string or a list of parts, not ${typeof content}`);
  return content.map((part: unknown, index): TextPart => {
    const at = `${field}[${index}]`;
    if (!isRecord(part)) throw invalid(at, 'must be an object');
    if (part.type !== 'text') {
      const problem = `${at}.type ${shown(part.type)} must be "text": this model reads no other kind of content`;
      throw new ServingError('unsupported_parameter', problem, { field: `${at}.type` });
    }
    const text = part.text;
    if (typeof text !== 'string') throw invalid(`${at}.text`, 'must be a string');
    return { type: 'text', text };
  });
}

/** A caller's value as a message shows it: as JSON, cut short. */
function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'undefined';
  return json.length <= 60 ? json : `${json.slice(0, 60)}…`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(field: string, problem: string): ServingError {
  return new ServingError('invalid_request', `${field} ${problem}`, { field });
}
