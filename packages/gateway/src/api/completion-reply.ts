import type { TokenLogprob } from '@sluice/proto';
import { promptLogprobsField } from './prompt-logprobs.js';
import {
  doneEvent,
  errorEvent,
  finiteLogprob,
  type ReplyFormat,
  type ReplyHead,
  tokenText,
  usageJson,
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
  const prefixOf = (choice: number) => `data: ${chunk},"choices":[{"index":${choice},"text":`;
  const prefixOfFirst = prefixOf(0);
  const usageNull = head.includeUsage ? ',"usage":null' : '';
  const end = (finishReason: string) => `,"finish_reason":${finishReason}}]${usageNull}}\n\n`;
  const plainEnd = `,"logprobs":null${end('null')}`;
  /** Where the next token of each choice begins in its text, in UTF-16 units: offsets go on from chunk to chunk. */
  const textOffsets: number[] = [];
  const legacyLogprobs = (choice: number, logprobs: readonly TokenLogprob[]) => {
    let textOffset = textOffsets[choice] ?? 0;
    const offsets: number[] = [];
    for (const entry of logprobs) {
      offsets.push(textOffset);
      textOffset += tokenText(entry.token).length;
    }
    textOffsets[choice] = textOffset;
    return {
      tokens: logprobs.map((entry) => tokenText(entry.token)),
      token_logprobs: logprobs.map((entry) => (isFirst(entry) ? null : finiteLogprob(entry.logprob))),
      top_logprobs: logprobs.map((entry) => (isFirst(entry) ? null : topLogprobs(entry, head.logprobsTop))),
      text_offset: offsets,
    };
  };

  return {
    open: () => '',
    delta: (choice, part) => {
      // This endpoint knows no tools.
      if (part.kind !== 'text') return '';
      const content = (choice === 0 ? prefixOfFirst : prefixOf(choice)) + JSON.stringify(part.text);
      if (!head.logprobs) return content + plainEnd;
      return `${content},"logprobs":${JSON.stringify(legacyLogprobs(choice, part.logprobs))}${end('null')}`;
    },
    finish: (choice, { reason }) => `${prefixOf(choice)}"","logprobs":null${end(JSON.stringify(reason))}`,
    end: (usage) => {
      const last = `data: ${chunk},"choices":[],"usage":${JSON.stringify(usageJson(usage))}}\n\n`;
      return (head.includeUsage ? last : '') + doneEvent;
    },
    fail: errorEvent,
    whole: ({ choices, usage }) =>
      JSON.stringify({
        ...common,
        choices: choices.map(({ text, logprobs, promptLogprobs, ending }, index) => ({
          index,
          text,
          logprobs: head.logprobs ? legacyLogprobs(index, logprobs) : null,
          finish_reason: ending.reason,
          ...promptLogprobsField(head, promptLogprobs),
        })),
        usage: usageJson(usage),
      }),
  };
}

/** The first token of a prompt: nothing is in front of it that could tell how likely it is. */
function isFirst({ logprob }: TokenLogprob): boolean {
  return Number.isNaN(logprob);
}

/** By text; the token itself is among them. Of several tokens that read alike the likeliest counts. */
function topLogprobs(entry: TokenLogprob, top: number): Record<string, number> {
  const byText = new Map<string, number>();
  for (const { token, logprob } of [...entry.top.slice(0, top), entry]) {
    const text = tokenText(token);
    if (!byText.has(text)) byText.set(text, finiteLogprob(logprob));
  }
  return Object.fromEntries(byText);
}
