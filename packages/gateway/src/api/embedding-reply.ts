import { assert } from '@sluice/shared';
import type { GenerationCall } from './generation-call.js';
import { errorEvent, type ReplyFormat, type ReplyHead } from './reply-format.js';

/** Replies of `POST /v1/embeddings`, which are never streamed. */
export function embeddingReply({ model }: ReplyHead, { embedding }: GenerationCall): ReplyFormat {
  const write = embedding?.isBase64 === true ? base64Of : floatsOf;
  return {
    open: () => '',
    delta: () => '',
    finish: () => '',
    end: () => '',
    fail: errorEvent,
    whole: ({ choices, usage: { promptTokens } }) => {
      const data = choices.map(({ embedding: vector }, index) => {
        assert(vector.length > 0, 'an embedding was read before it came');
        return `{"object":"embedding","index":${index},"embedding":${write(vector)}}`;
      });
      const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
      const rest = `"model":${JSON.stringify(model)},"usage":${JSON.stringify(usage)}`;
      return `{"object":"list","data":[${data.join()}],${rest}}`;
    },
  };
}

/** Nine digits tell any two 32-bit floats apart; as the 64-bit ones that they have become they would have twenty. */
function floatsOf(vector: readonly number[]): string {
  return `[${vector.map((value) => Number(value.toPrecision(9))).join()}]`;
}

/** 32-bit floats, little-endian. */
function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(4 * vector.length);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, 4 * index);
  return JSON.stringify(bytes.toString('base64'));
}
