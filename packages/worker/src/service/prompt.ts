import { contextBound, ServingError, unreachable } from '@sluice/shared';
import type { ChatMessage } from '../text/chat-messages.js';
import type { ChatOptions, Prompt } from './generate-request.js';
import { invalid } from './ranges.js';
import type { TextPort } from './text-port.js';

/**
 * The prompt as token ids. Long texts are tokenized off the thread, hence the promise.
 * @throws ServingError `invalid_request` for a prompt without tokens or one that the chat template refuses,
 * `context_length_exceeded` for one that leaves no room for a single token.
 */
export async function promptTokenIds(
  prompt: Prompt,
  text: TextPort,
  contextTokens: number,
): Promise<readonly number[]> {
  const tokenIds = await encode(prompt, text, contextTokens);
  if (tokenIds.length === 0) throw invalid(fieldOf(prompt), 'the prompt is empty: it must hold at least one token');
  return tokenIds;
}

/**
 * Checks that prompt and output fit the context together.
 * @throws ServingError `context_length_exceeded` with the numbers.
 * @returns how many tokens may be generated, at least 1.
 */
export function tokensToGenerate(
  promptTokens: number,
  tokensMax: number,
  contextTokens: number,
  prompt: Prompt,
): number {
  const room = contextTokens - promptTokens;
  if (room < 1) {
    const field = fieldOf(prompt);
    const bound = `must be at most ${contextTokens - 1}; ${contextBound(contextTokens)}`;
    throw new ServingError('context_length_exceeded', `${field}: ${promptTokens} tokens ${bound}`, { field });
  }
  if (tokensMax > room) {
    throw new ServingError(
      'context_length_exceeded',
      `tokens_max ${tokensMax} must be at most ${room}: the prompt has ${promptTokens} tokens, and ${contextBound(contextTokens)}`,
      { field: 'tokens_max' },
    );
  }
  return tokensMax === 0 ? room : tokensMax;
}

/**
 * The conversation as the model was trained to read it, the assistant's turn opened unless the request says otherwise.
 * @throws ServingError `invalid_request`, field `messages`, when the model has no template or its template refuses them.
 */
export function renderChat(messages: readonly ChatMessage[], text: TextPort, chat: ChatOptions): string {
  const template = text.chatTemplate;
  if (template !== undefined) {
    const { tools } = chat;
    const unanswered = (all: readonly ChatMessage[]) => template.render(all, { addGenerationPrompt: false, tools });
    if (chat.continuesFinal) return beginningOfAnswer(messages, unanswered);
    return template.render(messages, { addGenerationPrompt: chat.isUnopened !== true, tools });
  }
  throw invalid('messages', 'this model has no chat template; send a text or token ids instead of messages');
}

/** Stands behind the last message while it is rendered: no control token, and nothing that templates trim. */
const MARK = '\u{F0002}\u{F0001}\u{F0002}';

/** The conversation up to the end of its last message, the assistant's, whatever the template writes behind it. */
function beginningOfAnswer(
  messages: readonly ChatMessage[],
  render: (messages: readonly ChatMessage[]) => string,
): string {
  const field = 'continue_final_message';
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || typeof last.content !== 'string') {
    throw invalid(field, `${field} needs a last message of the assistant whose content is a string`);
  }
  const rendered = render([...messages.slice(0, -1), { ...last, content: last.content + MARK }]);
  const end = rendered.lastIndexOf(MARK);
  if (end < 0) throw invalid(field, `${field}: the model's chat template leaves out the last message`);
  return rendered.slice(0, end);
}

/** How a prompt, written or rendered, becomes tokens. */
export const asPrompt = { special: true, begin: true } as const;

async function encode(prompt: Prompt, text: TextPort, contextTokens: number): Promise<readonly number[]> {
  switch (prompt.kind) {
    case 'tokenIds':
      return prompt.tokenIds;
    case 'text':
      refuseHopeless(prompt.text, 'prompt', text, contextTokens);
      return text.encode(prompt.text, asPrompt);
    case 'messages': {
      const rendered = renderChat(prompt.messages, text, prompt.chat);
      refuseHopeless(rendered, 'messages', text, contextTokens);
      return text.encode(rendered, asPrompt);
    }
    default:
      return unreachable(prompt);
  }
}

/** Refuses, before the work, a text of more bytes than the longest tokens of a whole context could stand for. */
function refuseHopeless(content: string, field: string, text: TextPort, contextTokens: number): void {
  // A UTF-16 unit is at least one byte of UTF-8, so this never refuses what would have fit.
  const leastTokens = Math.ceil(content.length / text.tokenBytesMax);
  if (leastTokens < contextTokens) return;
  const problem = `${content.length} characters, which are at least ${leastTokens} tokens,`;
  const bound = `must be at most ${contextTokens - 1} tokens; ${contextBound(contextTokens)}`;
  throw new ServingError('context_length_exceeded', `${field}: ${problem} ${bound}`, { field });
}

function fieldOf(prompt: Prompt): string {
  return prompt.kind === 'messages' ? 'messages' : 'prompt';
}
