import type { TokenKind } from './tokenizer-definition.js';

/**
 * Ids of the tokens that end a text or a turn: those that the file names, and those that are spelt like one, since many
 * files name only one of the two (a chat model's file names the end of the turn and leaves the end of the text out).
 * `named` may hold `undefined` for what a file does not say. Ascending, without duplicates.
 */
export function endTokenIdsOf(
  tokens: readonly string[],
  kinds: readonly TokenKind[],
  named: readonly (number | undefined)[],
): number[] {
  const ids = new Set(named.filter((id) => id !== undefined));
  for (const [id, token] of tokens.entries()) {
    // Some files mark these as user-defined; a normal token of the same spelling is text.
    if (kinds[id] !== 'normal' && endTokens.has(token)) ids.add(id);
  }
  return [...ids].sort((a, b) => a - b);
}

/** The spellings that llama.cpp's vocabulary takes for an end of generation, of the model families that are in use. */
const endTokens: ReadonlySet<string> = new Set([
  '</s>',
  '<|im_end|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|end|>',
  '<|endoftext|>',
  '<|end_of_text|>',
  '<|end_of_turn|>',
  '<end_of_turn>',
  '<end_of_utterance>',
  '<EOT>',
  '<｜end▁of▁sentence｜>',
]);
