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

/** Replies of `POST /v1/completions`. */
export function completionReply(head: ReplyHead): ReplyFormat {
  const common = {
    id: head.id,
    object: 'text_completion',
    created: head.createdSeconds,
    model: head.model,
    system_fingerprint: head.systemFingerprint,
  };
  const chunk = JSON.stringify(common).slice(0, -1);
  const prefix = `data: ${chunk},"choices":[{"index":0,"text":`;
  const usageNull = head.includeUsage ? ',"usage":null' : '';
  const end = (finishReason: string) => `,"finish_reason":${finishReason}}]${usageNull}}\n\n`;
  const plainEnd = `,"logprobs":null${end('null')}`;
  /** Where the next token begins in the text, in UTF-16 units: offsets go on from chunk to chunk. */
  let textOffset = 0;
  const legacyLogprobs = (logprobs: readonly TokenLogprob[]) => {
    const offsets: number[] = [];
    for (const entry of logprobs) {
      offsets.push(textOffset);
      textOffset += tokenText(entry.token).length;
    }
    return {
      tokens: logprobs.map((entry) => tokenText(entry.token)),
      token_logprobs: logprobs.map((entry) => finiteLogprob(entry.logprob)),
      top_logprobs: logprobs.map((entry) =>
        Object.fromEntries(entry.top.map((top) => [tokenText(top.token), finiteLogprob(top.logprob)])),
      ),
      text_offset: offsets,
    };
  };

  return {
    open: () => '',
    delta: (text, logprobs) => {
      const content = prefix + JSON.stringify(text);
      if (!head.logprobs) return content + plainEnd;
      return `${content},"logprobs":${JSON.stringify(legacyLogprobs(logprobs))}${end('null')}`;
    },
    finish: (finished) => {
      const last = `${prefix}"","logprobs":null${end(JSON.stringify(finishReasonOf(finished)))}`;
      const usage = `data: ${chunk},"choices":[],"usage":${JSON.stringify(usageOf(finished))}}\n\n`;
      return last + (head.includeUsage ? usage : '') + doneEvent;
    },
    whole: ({ text, logprobs, finished }) =>
      JSON.stringify({
        ...common,
        choices: [
          {
            index: 0,
            text,
            logprobs: head.logprobs ? legacyLogprobs(logprobs) : null,
            finish_reason: finishReasonOf(finished),
          },
        ],
        usage: usageOf(finished),
      }),
  };
}
