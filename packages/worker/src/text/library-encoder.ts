import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { ServingError } from '@sluice/shared';
import { shieldMark } from './special-tokens.js';

/** Encodes text to ids; `special`: spelt-out control tokens in the text become those tokens. */
export type EncodeText = (text: string, special: boolean) => number[];

/**
 * An encoder run by @huggingface/tokenizers, from the parts of a tokenizer.json.
 * @throws ServingError `model_unusable` when the library does not know a part.
 */
export function libraryEncoder(json: Readonly<Record<string, unknown>>): EncodeText {
  // A shielded text loses its marks here and not in a normalizer: after the normalizer the library still takes a whole
  // stretch that is spelt like a control token for that token.
  const unshield = { type: 'Replace', pattern: { String: shieldMark }, content: '' };
  const preTokenizers = json.pre_tokenizer ? [unshield, json.pre_tokenizer] : [unshield];
  const shared = { ...json, pre_tokenizer: { type: 'Sequence', pretokenizers: preTokenizers } };
  const added = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  try {
    const parsing = new LibraryTokenizer({ ...shared, added_tokens: added }, {});
    // The library always looks for its added tokens, so plain text has an instance that knows no control tokens; the
    // two have one model, the large part, and its cache.
    const literal = new LibraryTokenizer(
      { ...shared, added_tokens: added.filter((token) => !isControl(token)), model: emptyModel },
      {},
    );
    literal.model = parsing.model;
    return (text, special) => {
      const { ids } = (special ? parsing : literal).encode(text, { add_special_tokens: false });
      return ids;
    };
  } catch (cause) {
    throw new ServingError('model_unusable', `the model's tokenizer cannot be built: ${String(cause)}`, { cause });
  }
}

const emptyModel = { type: 'BPE', vocab: {}, merges: [] };

function isControl(token: unknown): boolean {
  return typeof token === 'object' && token !== null && 'special' in token && token.special === true;
}
