import { z } from 'zod';
import type { ChatMessage, ChatToolCall } from '../chat-message.js';
import { checkedByHand } from '../checked-by-hand.js';
import { fieldError, preview } from '../field-error.js';
import { wellFormedString } from '../generation-fields.js';
import { isShallow, tooDeep } from '../nesting.js';
import { readChecked, readKind } from '../read-kind.js';

/** Between two blocks of text of a message, and between messages of one role that follow each other. */
const seam = '\n';

const blocksMax = 1_024;
const idSchema = wellFormedString.min(1).max(512);

/** A hint of what to keep for later requests, which is done without being asked. */
const cacheControl = z.unknown().optional();

export const textSchema = z.strictObject({
  type: z.literal('text'),
  text: wellFormedString,
  cache_control: cacheControl,
  citations: z.null().or(z.array(z.unknown()).max(0)).optional(),
});
const toolUseSchema = z.strictObject({
  type: z.literal('tool_use'),
  id: idSchema,
  name: wellFormedString.min(1).max(128),
  input: z.record(z.string(), z.unknown()).refine(isShallow, tooDeep),
  cache_control: cacheControl,
  caller: z.strictObject({ type: z.literal('direct') }).optional(),
  toolset_name: z.null().optional(),
});
const toolResultSchema = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: idSchema,
  content: z
    .union([wellFormedString, checkedByHand(z.array(z.unknown()).max(blocksMax), z.array(textSchema).max(blocksMax))])
    .optional(),
  is_error: z.boolean().optional(),
  cache_control: cacheControl,
  toolset_name: z.null().optional(),
});
const contentShape = z
  .array(z.union([textSchema, toolUseSchema, toolResultSchema]))
  .min(1)
  .max(blocksMax);
export const messageSchema = z.strictObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([wellFormedString, checkedByHand(z.array(z.unknown()).min(1).max(blocksMax), contentShape)]),
});

/** What was read, and where each message stood: that of several which became one, where the first did. */
export interface ReadMessages {
  readonly messages: readonly ChatMessage[];
  readonly places: readonly string[];
}

/**
 * Messages of Anthropic's API as chat templates know them. A result of a tool becomes a message of its own; neighbours of
 * one role become one, as the API says.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function readMessages(system: string | readonly unknown[] | undefined, given: readonly unknown[]): ReadMessages {
  const messages: ChatMessage[] = [];
  const places: string[] = [];
  const systemText = system === undefined ? '' : textOf(system, 'system');
  if (systemText !== '') {
    messages.push({ role: 'system', content: systemText });
    places.push('system');
  }
  const callIds = new Set<string>();
  for (const [index, message] of given.entries()) {
    const field = `messages[${index}]`;
    const { role, content } = readChecked(messageSchema, message, field);
    const read = role === 'assistant' ? readAnswer : role === 'user' ? readQuestion : readSystem;
    for (const [at, each] of read(content, `${field}.content`).entries()) {
      for (const { id } of each.tool_calls ?? []) callIds.add(id);
      if (each.tool_call_id !== undefined && !callIds.has(each.tool_call_id)) {
        const problem = 'must be the id of a tool_use in front of it';
        throw fieldError(`${field}.content[${at}].tool_use_id`, `${preview(each.tool_call_id)} ${problem}`);
      }
      add(messages, each);
      if (messages.length > places.length) places.push(field);
    }
  }
  return { messages, places };
}

/** Whether the last message is the beginning of the answer. */
export function isBegun(messages: readonly ChatMessage[]): boolean {
  const last = messages.at(-1);
  return last?.role === 'assistant' && last.tool_calls === undefined;
}

/** @throws ServingError for a block that is not text. */
export function textOf(content: string | readonly unknown[], field: string): string {
  if (typeof content === 'string') return content;
  return content.map((block, at) => readKind(block, `${field}[${at}]`, { text: textSchema }).text).join(seam);
}

function readSystem(content: string | readonly unknown[], field: string): ChatMessage[] {
  return [{ role: 'system', content: textOf(content, field) }];
}

function readQuestion(content: string | readonly unknown[], field: string): ChatMessage[] {
  if (typeof content === 'string') return [{ role: 'user', content }];
  return content.map((given, at) => {
    const place = `${field}[${at}]`;
    const block = readKind(given, place, { text: textSchema, tool_result: toolResultSchema });
    if (block.type === 'text') return { role: 'user', content: block.text };
    const result = textOf(block.content ?? '', `${place}.content`);
    // Chat templates have no place for it.
    const said = block.is_error === true ? `Error: ${result}` : result;
    return { role: 'tool', content: said, tool_call_id: block.tool_use_id };
  });
}

function readAnswer(content: string | readonly unknown[], field: string): ChatMessage[] {
  if (typeof content === 'string') return [{ role: 'assistant', content }];
  const texts: string[] = [];
  const calls: ChatToolCall[] = [];
  for (const [at, given] of content.entries()) {
    const block = readKind(given, `${field}[${at}]`, { text: textSchema, tool_use: toolUseSchema });
    if (block.type === 'text') texts.push(block.text);
    else {
      const { id, name, input } = block;
      calls.push({ id, type: 'function', function: { name, arguments: JSON.stringify(input) } });
    }
  }
  return [withCalls({ role: 'assistant', content: texts.join(seam) }, calls)];
}

/** Behind the message before, or as a part of it. */
function add(messages: ChatMessage[], message: ChatMessage): void {
  const last = messages.at(-1);
  if (last === undefined || last.role !== message.role || message.role === 'tool' || message.role === 'system') {
    messages.push(message);
    return;
  }
  const content = [last.content, message.content].filter(Boolean).join(seam);
  messages.pop();
  messages.push(withCalls({ role: last.role, content }, [...(last.tool_calls ?? []), ...(message.tool_calls ?? [])]));
}

function withCalls(message: ChatMessage, calls: readonly ChatToolCall[]): ChatMessage {
  return calls.length === 0 ? message : { ...message, content: message.content || null, tool_calls: calls };
}
