import type { TokenLogprob } from '@sluice/proto';
import {
  doneEvent,
  finishReasonOf,
  finiteLogprob,
  type ReplyFormat,
  type ReplyHead,
  tokenText,
  usageOf,
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
  const prefix = `data: ${chunk},"choices":[{"index":0,"delta":`;
  const usageNull = head.includeUsage ? ',"usage":null' : '';
  const end = (finishReason: string) => `,"finish_reason":${finishReason}}]${usageNull}}\n\n`;
  const plainEnd = `},"logprobs":null${end('null')}`;
  const event = (delta: string, finishReason = 'null') => `${prefix}${delta},"logprobs":null${end(finishReason)}`;
  const contentPrefix = `${prefix}{"content":`;

  return {
    open: () => event('{"role":"assistant","content":""}'),
    delta: (text, logprobs) => {
      const content = contentPrefix + JSON.stringify(text);
      if (!head.logprobs) return content + plainEnd;
      return `${content}},"logprobs":${JSON.stringify(chatLogprobs(logprobs))}${end('null')}`;
    },
    finish: (finished) => {
      const last = event('{}', JSON.stringify(finishReasonOf(finished)));
      const usage = `data: ${chunk},"choices":[],"usage":${JSON.stringify(usageOf(finished))}}\n\n`;
      return last + (head.includeUsage ? usage : '') + doneEvent;
    },
    whole: ({ text, logprobs, finished }) =>
      JSON.stringify({
        id: head.id,
        object: 'chat.completion',
        ...common,
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: text, refusal: null },
            logprobs: head.logprobs ? chatLogprobs(logprobs) : null,
            finish_reason: finishReasonOf(finished),
          },
        ],
        usage: usageOf(finished),
      }),
  };
}

function chatLogprobs(logprobs: readonly TokenLogprob[]) {
  return {
    content: logprobs.map((entry) => ({ ...chatLogprob(entry), top_logprobs: entry.top.map(chatLogprob) })),
    refusal: null,
  };
}

function chatLogprob(entry: TokenLogprob) {
  return { token: tokenText(entry.token), logprob: finiteLogprob(entry.logprob), bytes: [...entry.token] };
}
