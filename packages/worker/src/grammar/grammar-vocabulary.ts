import type { Tokenizer } from '../text/tokenizer.js';

/** What grammars need to know of a tokenizer; plain data that can be sent to a thread. */
export interface GrammarVocabulary {
  /** By id: the bytes of a token, spelt as GPT-2 spells them; empty: never allowed. */
  readonly spellings: readonly string[];
  /** Rows of logits may be longer than the tokenizer's vocabulary: what is behind it is never allowed. */
  readonly vocabularyCount: number;
  /** Allowed where a text may end, and only there. */
  readonly endTokenIds: readonly number[];
}

/**
 * Control tokens are text of no grammar.
 * @param vocabularyCount of the model, at least the tokenizer's.
 */
export function grammarVocabularyOf(tokenizer: Tokenizer, vocabularyCount: number): GrammarVocabulary {
  const spellings = Array.from({ length: tokenizer.vocabularyCount }, (_, id) => spell(tokenizer.tokenBytes(id)));
  return { spellings, vocabularyCount, endTokenIds: tokenizer.endTokenIds };
}

function spell(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += spellingOfByte[byte];
  return text;
}

/** How the library wants bytes spelt that need not be whole characters: as GPT-2 does (openai/gpt-2, encoder.py). */
const spellingOfByte: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(isPrintable ? byte : next++);
  });
})();
