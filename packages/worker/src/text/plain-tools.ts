import type { ChatMessage } from './chat-messages.js';
import { callsOf } from './tool-messages.js';
import type { ChatTool } from './tools.js';

/**
 * A conversation with tools for a template that knows none: a system message tells the model of them and how to call
 * them, calls are what that message asks for, and results are what the user says.
 */
export function plainToolMessages(
  messages: readonly ChatMessage[],
  tools: readonly ChatTool[],
  hasSystemRole: boolean,
): readonly ChatMessage[] {
  const plain: ChatMessage[] = [];
  // Without it small models write the call again.
  const prompting = `Now answer my question in plain text${tools.length === 0 ? '' : ', or call another tool'}.`;
  let results: string[] = [];
  const names = new Map<unknown, string>();
  for (const message of messages) {
    const calls = callsOf(message);
    for (const call of calls) names.set(call.id, call.function.name);
    if (message.role === 'tool' || message.role === 'function') {
      const name = names.get(message.tool_call_id) ?? message.name;
      const result = `${typeof name === 'string' ? name : 'The tool'} gave this result:\n${textOf(message.content)}`;
      // Those of one turn are one message: many templates want roles to alternate.
      if (results.length > 0) plain.pop();
      results = [...results, result];
      plain.push({ role: 'user', content: [...results, prompting].join('\n\n') });
      continue;
    }
    results = [];
    if (calls.length > 0) {
      const text = textOf(message.content);
      const written = calls.map(({ function: { name, arguments: given } }) => callText(name, given));
      plain.push({ role: message.role, content: [...(text === '' ? [] : [text]), ...written].join('\n') });
    } else {
      plain.push(message);
    }
  }
  return tools.length === 0 ? plain : withIntroduction(plain, introduce(tools), hasSystemRole);
}

/** In the system's message, or in front of the first one where a template knows no system. */
function withIntroduction(
  messages: readonly ChatMessage[],
  introduction: string,
  hasSystemRole: boolean,
): readonly ChatMessage[] {
  const [first, ...rest] = messages;
  const isSystem = first?.role === 'system' || first?.role === 'developer';
  if (isSystem || (first !== undefined && !hasSystemRole)) {
    const text = textOf(first.content);
    const content = isSystem ? `${text}\n\n${introduction}` : `${introduction}\n\n${text}`;
    return [{ ...first, content }, ...rest];
  }
  return [{ role: 'system', content: introduction }, ...messages];
}

function introduce(tools: readonly ChatTool[]): string {
  const list = tools.map(({ function: { name, description, parameters } }) => {
    const about = description === undefined ? '' : `: ${description}`;
    return `- ${name}${about}\n  arguments: ${JSON.stringify(parameters ?? {})}`;
  });
  // Nothing in it that a small model could take over.
  const example = '{"name": ..., "arguments": {...}}';
  return [
    'You can call these tools. Their arguments are given as JSON schemas.',
    ...list,
    `To call a tool, answer with nothing but a JSON object on one line: ${example}`,
    'Call several tools with one such line for each. You get the results in the next message.',
    'Where no tool helps, answer in plain text.',
  ].join('\n');
}

function callText(name: string, given: unknown): string {
  const json = typeof given === 'string' ? given || '{}' : JSON.stringify(given ?? {});
  return `{"name": ${JSON.stringify(name)}, "arguments": ${json}}`;
}

function textOf(content: ChatMessage['content']): string {
  if (content === null) return '';
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');
}
