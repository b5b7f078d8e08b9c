import type { TokenGuide } from '../engine/token-guide.js';
import type { GrammarSource } from '../grammar/grammar-source.js';
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
  /**
   * A guide at the beginning of a text that a grammar holds; compiled on another thread where it has to be. Absent: no
   * text is held to anything.
   * @throws ServingError as `GrammarCache.guideFor`.
   */
  guideFor?(source: GrammarSource): Promise<TokenGuide>;
}

/**
 * @param encode where texts are tokenized; on this thread if left out.
 * The vocabulary is gone through once: some milliseconds.
 */
export function createTextPort(
  tokenizer: Tokenizer,
  chatTemplate: ChatTemplate | undefined,
  encode: TextPort['encode'] = async (text, options) => tokenizer.encode(text, options),
  guideFor?: TextPort['guideFor'],
): TextPort {
  let tokenBytesMax = 1;
  for (let id = 0; id < tokenizer.vocabularyCount; id++) {
    tokenBytesMax = Math.max(tokenBytesMax, tokenizer.tokenBytes(id, { special: true }).length);
  }
  return { tokenizer, chatTemplate, tokenBytesMax, encode, ...(guideFor === undefined ? {} : { guideFor }) };
}
