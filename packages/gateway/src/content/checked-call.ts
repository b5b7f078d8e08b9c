import { ServingError } from '@sluice/shared';
import { type GenerationCall, type Prompt, promptField } from '../api/generation-call.js';
import { toolsJson } from '../tools/tool-use.js';
import { type ContentCheck, checkText } from './content-check.js';

/**
 * The call with its prompt as the checks leave it.
 * @throws ServingError `content_refused` where a check refuses it; `unsupported_parameter` for what cannot be checked: a
 * prompt of token ids, and log-probabilities, which would show tokens that are not passed on.
 */
export function checkedCall(call: GenerationCall, checks: readonly ContentCheck[]): GenerationCall {
  if (checks.length === 0) return call;
  if (call.logprobsTop !== undefined) throw uncheckable('logprobs', 'are not given');
  if (call.promptLogprobsTop !== undefined) throw uncheckable('prompt_logprobs', 'are not given');
  const { prompts } = call;
  // What a caller says of its tools goes into the prompt as it is, so it may hold nothing that a check would change.
  if (call.tools !== undefined && passing(toolsJson(call.tools), 'tools', checks) !== toolsJson(call.tools)) {
    throw new ServingError('content_refused', 'tools: hold what the rules of content take out', { field: 'tools' });
  }
  const { suffix } = call;
  return {
    ...call,
    suffix: suffix === undefined ? undefined : passing(suffix, 'suffix', checks),
    prompts: prompts.map((prompt, index) => checkedPrompt(prompt, promptField(call, index), checks)),
  };
}

function checkedPrompt(prompt: Prompt, field: string, checks: readonly ContentCheck[]): Prompt {
  switch (prompt.kind) {
    case 'tokens':
      throw uncheckable(field, 'must be text');
    case 'text':
      return { kind: 'text', text: passing(prompt.text, field, checks) };
    case 'messages': {
      const messages = (JSON.parse(prompt.json) as Message[]).map((message, index) => {
        const fieldOf = (inside: string): string => prompt.places?.[index] ?? `messages[${index}].${inside}`;
        const content = checkedContent(message.content, fieldOf('content'), checks);
        const calls = checkedCalls(message.tool_calls, fieldOf, checks);
        return { ...message, content, ...(calls === undefined ? {} : { tool_calls: calls }) };
      });
      return { kind: 'messages', json: JSON.stringify(messages) };
    }
  }
}

interface Message {
  readonly content?: unknown;
  readonly tool_calls?: readonly { readonly function: { readonly arguments: string } }[];
}

function checkedCalls(
  calls: Message['tool_calls'],
  fieldOf: (inside: string) => string,
  checks: readonly ContentCheck[],
) {
  return calls?.map((call, at) => {
    const json = passing(call.function.arguments, fieldOf(`tool_calls[${at}].function.arguments`), checks);
    return { ...call, function: { ...call.function, arguments: json } };
  });
}

/** A text, or parts of which some have a text. */
function checkedContent(content: unknown, field: string, checks: readonly ContentCheck[]): unknown {
  if (typeof content === 'string') return passing(content, field, checks);
  if (!Array.isArray(content)) return content;
  return content.map((part: { text?: unknown }, index) =>
    typeof part.text === 'string' ? { ...part, text: passing(part.text, `${field}[${index}].text`, checks) } : part,
  );
}

function passing(text: string, field: string, checks: readonly ContentCheck[]): string {
  const verdict = checkText(checks, text);
  if (verdict.kind === 'pass') return verdict.text;
  throw new ServingError('content_refused', `${field}: ${verdict.reason}`, { field });
}

function uncheckable(field: string, problem: string): ServingError {
  return new ServingError('unsupported_parameter', `${field}: ${problem} where rules of content apply`, { field });
}
