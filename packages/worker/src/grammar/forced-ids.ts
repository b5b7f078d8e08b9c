import type { Tokenizer } from '../text/tokenizer.js';
import type { ForcedIds } from './grammar-guide.js';

/** Longer texts are taken a piece at a time. */
const TEXT_UNITS_MAX = 256;
const KNOWN_MAX = 4_096;

/**
 * Writes a text that has to come as the tokenizer writes it: as the model saw such texts when it was trained. The last
 * token is left to the model, since what comes behind the text may be part of the same token.
 */
export function createForcedIds(tokenizer: Tokenizer): ForcedIds {
  const known = new Map<string, readonly number[]>();
  return (text) => {
    if (text.length < 2) return [];
    const found = known.get(text);
    if (found !== undefined) return found;
    const ids = idsOf(tokenizer, text.slice(0, TEXT_UNITS_MAX));
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(text, ids);
    return ids;
  };
}

/** None where the tokens are not the text to the last byte: tokenizers add spaces, and texts begin within characters. */
function idsOf(tokenizer: Tokenizer, text: string): readonly number[] {
  const ids = tokenizer.encode(text, { special: false });
  const bytes = Buffer.concat(ids.map((id) => tokenizer.tokenBytes(id)));
  return bytes.equals(Buffer.from(text)) ? ids.slice(0, -1) : [];
}
