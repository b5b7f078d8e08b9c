import { z } from 'zod';
import type { ChatMessage } from '../chat-message.js';
import { checkedByHand } from '../checked-by-hand.js';
import { fieldError, preview } from '../field-error.js';
import { wellFormedString } from '../generation-fields.js';
import { readChecked, readKind } from '../read-kind.js';

/** What a conversation is made of: what callers send, and what answers are. */
export type ResponseItem = MessageItem | FunctionCallItem | FunctionCallOutputItem;

export interface MessageItem {
  readonly type: 'message';
  readonly id: string;
  readonly role: 'user' | 'assistant' | 'system' | 'developer';
  readonly status: ItemStatus;
  readonly content: readonly TextPart[];
}

export interface FunctionCallItem {
  readonly type: 'function_call';
  readonly id: string;
  readonly call_id: string;
  readonly name: string;
  /** JSON, as the model wrote it. */
  readonly arguments: string;
  readonly status: ItemStatus;
}

export interface FunctionCallOutputItem {
  readonly type: 'function_call_output';
  readonly id: string;
  readonly call_id: string;
  readonly output: string;
  readonly status: ItemStatus;
}

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

export type TextPart =
  | { readonly type: 'input_text'; readonly text: string }
  | {
      readonly type: 'output_text';
      readonly text: string;
      readonly annotations: readonly unknown[];
      readonly logprobs: readonly unknown[];
    };

const itemsMax = 4_096;
const partsMax = 1_024;

const idSchema = wellFormedString.min(1).max(512);
const common = {
  id: idSchema.nullish(),
  status: z.enum(['in_progress', 'completed', 'incomplete']).nullish(),
};
/** What helpers of the official client add to what they give out: it says the same again, and nothing is made of it. */
const parsedByClient = z.unknown().optional();
const inputText = z.strictObject({ type: z.literal('input_text'), text: wellFormedString });
const outputText = z.strictObject({
  type: z.literal('output_text'),
  text: wellFormedString,
  annotations: z.array(z.unknown()).max(0).nullish(),
  logprobs: z.unknown().optional(),
  parsed: parsedByClient,
});
const partsSchema = checkedByHand(
  z.array(z.unknown()).max(partsMax),
  z.array(z.union([inputText, outputText])).max(partsMax),
);
const outputsSchema = checkedByHand(z.array(z.unknown()).max(partsMax), z.array(inputText).max(partsMax));
const messageSchema = z.strictObject({
  ...common,
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([wellFormedString, partsSchema]),
  phase: z.enum(['commentary', 'final_answer']).nullish(),
});
const callSchema = z.strictObject({
  ...common,
  type: z.literal('function_call'),
  call_id: idSchema,
  name: wellFormedString.min(1).max(64),
  arguments: wellFormedString,
  parsed_arguments: parsedByClient,
});
const callOutputSchema = z.strictObject({
  ...common,
  type: z.literal('function_call_output'),
  call_id: idSchema,
  output: z.union([wellFormedString, outputsSchema]),
});
const kinds = { message: messageSchema, function_call: callSchema, function_call_output: callOutputSchema };

const itemSchema = z.union([messageSchema, callSchema, callOutputSchema]);

/** `input` of a request, for {@link readInput}. */
export const inputSchema = z.union([
  wellFormedString,
  checkedByHand(z.array(z.unknown()).min(1).max(itemsMax), z.array(itemSchema).min(1).max(itemsMax)),
]);

/**
 * `input` of a request. Items without an id have none yet.
 * @throws ServingError `invalid_request` or `unsupported_parameter`, naming field, value and bound.
 */
export function readInput(input: string | readonly unknown[]): readonly ResponseItem[] {
  return typeof input === 'string'
    ? [{ type: 'message', id: '', role: 'user', status: 'completed', content: [{ type: 'input_text', text: input }] }]
    : input.map((item, index) => readItem(item, `input[${index}]`));
}

/** Items with ids for those that have none, which follow from the response's. */
export function withIds(items: readonly ResponseItem[], responseId: string): readonly ResponseItem[] {
  return items.map((item, index) =>
    item.id === '' ? { ...item, id: itemId(item.type, responseId, `i${index}`) } : item,
  );
}

/** @param place tells items of one response apart. */
export function itemId(type: ResponseItem['type'], responseId: string, place: string): string {
  return `${idPrefixes[type]}${responseId.replace(/^resp_/, '')}${place}`;
}

const idPrefixes = { message: 'msg_', function_call: 'fc_', function_call_output: 'fco_' } as const;

/**
 * A conversation as chat templates know it: calls belong to the message in front of them.
 * @param earlier how many of the items come from earlier responses.
 * @returns `places`: where each message stood in the request; that of several items, where the first did.
 */
export function chatMessages(instructions: string | undefined, items: readonly ResponseItem[], earlier: number) {
  const messages: ChatMessage[] = instructions ? [{ role: 'system', content: instructions }] : [];
  const places = messages.map(() => 'instructions');
  for (const [index, item] of items.entries()) {
    if (item.type === 'function_call_output') {
      messages.push({ role: 'tool', content: item.output, tool_call_id: item.call_id });
    } else if (item.type === 'message') {
      // The newer name of the same role; no chat template of an open model knows it.
      const role = item.role === 'developer' ? 'system' : item.role;
      messages.push({ role, content: item.content.map(({ text }) => text).join('') });
    } else {
      const last = messages.at(-1)?.role === 'assistant' ? messages.pop() : undefined;
      const call = { id: item.call_id, type: 'function', function: pick(item) } as const;
      const tool_calls = [...(last?.tool_calls ?? []), call];
      messages.push({ role: 'assistant', content: last?.content || null, tool_calls });
    }
    if (messages.length > places.length) {
      places.push(index < earlier ? 'previous_response_id' : `input[${index - earlier}]`);
    }
  }
  return { messages, places };
}

/**
 * Every output has to be that of a call in front of it.
 * @param earlier how many of the items come from earlier responses.
 * @throws ServingError `invalid_request` naming the item.
 */
export function checkOutputs(items: readonly ResponseItem[], earlier: number): void {
  const callIds = new Set<string>();
  for (const [index, item] of items.entries()) {
    if (item.type === 'function_call') callIds.add(item.call_id);
    if (item.type !== 'function_call_output' || callIds.has(item.call_id)) continue;
    const problem = 'must be the call_id of a function_call in front of it';
    throw fieldError(`input[${index - earlier}].call_id`, `${preview(item.call_id)} ${problem}`);
  }
}

function readItem(given: unknown, field: string): ResponseItem {
  const isPlainMessage = typeof given === 'object' && given !== null && !('type' in given);
  const item = isPlainMessage ? readChecked(messageSchema, given, field) : readKind(given, field, kinds);
  const id = item.id ?? '';
  const status = item.status ?? 'completed';
  switch (item.type) {
    case 'function_call':
      return { type: item.type, id, ...pick(item), call_id: item.call_id, status };
    case 'function_call_output':
      return { type: item.type, id, call_id: item.call_id, output: readOutput(item.output, `${field}.output`), status };
    default: {
      const content = readContent(item.content, item.role, `${field}.content`);
      return { type: 'message', id, role: item.role, status, content };
    }
  }
}

function pick({ name, arguments: json }: { readonly name: string; readonly arguments: string }) {
  return { name, arguments: json };
}

function readContent(
  content: string | readonly unknown[],
  role: MessageItem['role'],
  field: string,
): readonly TextPart[] {
  const isAnswer = role === 'assistant';
  if (typeof content === 'string') return [isAnswer ? outputPart(content) : { type: 'input_text', text: content }];
  return content.map((given, at) => {
    const place = `${field}[${at}]`;
    if (!isAnswer) return readKind(given, place, { input_text: inputText });
    return outputPart(readKind(given, place, { output_text: outputText, input_text: inputText }).text);
  });
}

function readOutput(output: string | readonly unknown[], field: string): string {
  if (typeof output === 'string') return output;
  return output.map((given, at) => readKind(given, `${field}[${at}]`, { input_text: inputText }).text).join('');
}

export function outputPart(text: string, logprobs: readonly unknown[] = []): TextPart {
  return { type: 'output_text', text, annotations: [], logprobs };
}
