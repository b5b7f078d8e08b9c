import type { ChatTemplate } from '../text/chat-template.js';
import type { EncodeOptions, Tokenizer } from '../text/tokenizer.js';

/** What the service needs of worker/text. Nothing here holds the thread for long. */
export interface TextPort {
  readonly tokenizer: Tokenizer;
  /** Undefined for a model that was not trained to chat. */
  readonly chatTemplate: ChatTemplate | undefined;
  /** Longest token in bytes; tells early that a text cannot fit a context. */
  readonly tokenBytesMax: number;
  /** `tokenizer.encode`, on another thread for long texts. */
  encode(text: string, options: EncodeOptions): Promise<readonly number[]>;
}

/**
 * @param encode where texts are tokenized; on this thread if left out.
 * The vocabulary is gone through once: some milliseconds.
 */
export function createTextPort(
  tokenizer: Tokenizer,
  chatTemplate: ChatTemplate | undefined,
  encode: TextPort['encode'] = async (text, options) => tokenizer.encode(text, options),
): TextPort {
  let tokenBytesMax = 1;
  for (let id = 0; id < tokenizer.vocabularyCount; id++) {
    tokenBytesMax = Math.max(tokenBytesMax, tokenizer.tokenBytes(id, { special: true }).length);
  }
  return { tokenizer, chatTemplate, tokenBytesMax, encode };
}
