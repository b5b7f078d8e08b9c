import type { TokenLogprob } from '@sluice/proto';
import { promptLogprobsField } from './prompt-logprobs.js';
import {
  type AnswerPart,
  doneEvent,
  errorEvent,
  finiteLogprob,
  type ReplyFormat,
  type ReplyHead,
  type ToolCall,
  tokenText,
  usageJson,
} from './reply-format.js';

/** Replies of `POST /v1/chat/completions`. */
export function chatReply(head: ReplyHead): ReplyFormat {
  const common = {
    created: head.createdSeconds,
    model: head.model,
    system_fingerprint: head.systemFingerprint,
  };
  // Everything around a delta's text is the same for the whole stream, so it is built once.
  const chunk = JSON.stringify({ id: head.id, object: 'chat.completion.chunk', ...common }).slice(0, -1);
  const prefixOf = (choice: number) => `data: ${chunk},"choices":[{"index":${choice},"delta":`;
  const prefixOfFirst = `${prefixOf(0)}{"content":`;
  const usageNull = head.includeUsage ? ',"usage":null' : '';
  const end = (finishReason: string) => `,"finish_reason":${finishReason}}]${usageNull}}\n\n`;
  const plainEnd = `},"logprobs":null${end('null')}`;
  const event = (choice: number, delta: string, finishReason = 'null') =>
    `${prefixOf(choice)}${delta},"logprobs":null${end(finishReason)}`;

  return {
    open: (choice) => event(choice, '{"role":"assistant","content":"","refusal":null}'),
    delta: (choice, part) => {
      if (part.kind !== 'text') return event(choice, JSON.stringify({ tool_calls: [callDelta(part)] }));
      const content = (choice === 0 ? prefixOfFirst : `${prefixOf(choice)}{"content":`) + JSON.stringify(part.text);
      if (!head.logprobs) return content + plainEnd;
      return `${content}},"logprobs":${JSON.stringify(chatLogprobs(part.logprobs, head.logprobsTop))}${end('null')}`;
    },
    finish: (choice, { reason }) => event(choice, '{}', JSON.stringify(reason)),
    end: (usage) => {
      const last = `data: ${chunk},"choices":[],"usage":${JSON.stringify(usageJson(usage))}}\n\n`;
      return (head.includeUsage ? last : '') + doneEvent;
    },
    fail: errorEvent,
    whole: ({ choices, usage }) =>
      JSON.stringify({
        id: head.id,
        object: 'chat.completion',
        ...common,
        choices: choices.map(({ text, calls, logprobs, ending }, index) => ({
          index,
          message: {
            role: 'assistant',
            content: text === '' && calls.length > 0 ? null : text,
            refusal: null,
            ...(calls.length > 0 ? { tool_calls: calls.map(wholeCall) } : {}),
          },
          logprobs: head.logprobs ? chatLogprobs(logprobs, head.logprobsTop) : null,
          finish_reason: ending.reason,
        })),
        usage: usageJson(usage),
        ...promptLogprobsField(head, choices[0]?.promptLogprobs),
      }),
  };
}

function callDelta(part: Exclude<AnswerPart, { kind: 'text' }>) {
  const { index } = part;
  if (part.kind === 'arguments') return { index, function: { arguments: part.text } };
  return { index, id: part.id, type: 'function', function: { name: part.name, arguments: '' } };
}

function wholeCall({ id, name, arguments: json }: ToolCall) {
  return { id, type: 'function', function: { name, arguments: json } };
}

function chatLogprobs(logprobs: readonly TokenLogprob[], top: number) {
  return {
    content: logprobs.map((entry) => ({
      ...chatLogprob(entry),
      top_logprobs: entry.top.slice(0, top).map(chatLogprob),
    })),
    refusal: null,
  };
}

function chatLogprob(entry: TokenLogprob) {
  return { token: tokenText(entry.token), logprob: finiteLogprob(entry.logprob), bytes: [...entry.token] };
}
