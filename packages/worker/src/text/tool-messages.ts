import type { ChatMessage } from './chat-messages.js';

/** A call as a message of an assistant has it. */
export interface MessageCall {
  readonly id?: unknown;
  readonly function: { readonly name: string; readonly arguments: unknown };
}

/** The calls of a message, as far as they are calls. */
export function callsOf(message: ChatMessage): readonly MessageCall[] {
  return Array.isArray(message.tool_calls) ? message.tool_calls.filter(isCall) : [];
}

/**
 * Messages as a template takes them that knows tools.
 * @param template its Jinja source, which says what it makes of arguments and ids.
 */
export function toolMessages(messages: readonly ChatMessage[], template: string): readonly ChatMessage[] {
  const wantsObjects = printsJson.test(template);
  const wantsShortIds = /\blength\s*[!=]=\s*9\b/.test(template);
  const idOf = (id: unknown): unknown => (wantsShortIds && typeof id === 'string' ? shortId(id) : id);
  const taken = onlyOneCall.test(template) ? oneCallEach(messages) : messages;
  return taken.map((message) => {
    const calls = callsOf(message).map((call) => ({
      ...call,
      id: idOf(call.id),
      function: {
        ...call.function,
        arguments: wantsObjects ? objectOf(call.function.arguments) : call.function.arguments,
      },
    }));
    return {
      ...message,
      // Templates add it to other text, which null cannot be.
      content: message.content ?? '',
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
      ...(message.tool_call_id === undefined ? {} : { tool_call_id: idOf(message.tool_call_id) }),
    };
  });
}

/** Templates that write arguments as JSON themselves, or go through them, want them as they are and not as text. */
const printsJson =
  /\b(?:arguments|function|tool_call|tool_calls)\b['"\])\s]*\|\s*(?:tojson|items)|arguments['"\]]*\.items\(/;

/** Llama 3's templates refuse a message with several calls. */
const onlyOneCall = /single tool-calls?\b/i;

/** Every call in a message of its own, with its result behind it. */
function oneCallEach(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const result = new Map(messages.filter(isResult).map((message) => [message.tool_call_id, message]));
  const placed = new Set<ChatMessage>();
  return messages.flatMap((message) => {
    const calls = callsOf(message);
    if (calls.length < 2) return placed.has(message) ? [] : [message];
    return calls.flatMap((call, index) => {
      const single = { ...message, content: index === 0 ? message.content : '', tool_calls: [call] };
      const answer = result.get(call.id);
      if (answer === undefined) return [single];
      placed.add(answer);
      return [single, answer];
    });
  });
}

function isResult({ role, tool_call_id }: ChatMessage): boolean {
  return role === 'tool' && tool_call_id !== undefined;
}

function isCall(value: unknown): value is MessageCall {
  const call = value as { readonly function?: { readonly name?: unknown } | null } | null;
  return typeof call?.function?.name === 'string';
}

/** Arguments come as JSON in a string; what a model got wrong stays one. */
function objectOf(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given === '' ? '{}' : given);
  } catch {
    return given;
  }
}

/** Mistral's templates refuse ids that are not nine letters and digits. Equal ids stay equal. */
function shortId(id: string): string {
  if (/^[a-zA-Z0-9]{9}$/.test(id)) return id;
  // FNV-1a of 64 bits, over UTF-16 units.
  let hash = 0xcbf29ce484222325n;
  for (let at = 0; at < id.length; at++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(id.charCodeAt(at))) * 0x100000001b3n);
  }
  return hash.toString(36).padStart(9, '0').slice(-9);
}
