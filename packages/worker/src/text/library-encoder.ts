import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { ServingError } from '@sluice/shared';
import { gpt2Words } from './pre-tokenizers.js';
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
  const preTokenizers = json.pre_tokenizer ? [unshield, withUnicodeClasses(json.pre_tokenizer)] : [unshield];
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

/**
 * The same pre-tokenizer with its built-in patterns written out. The library's own use JavaScript's \s and \d, which
 * differ from Unicode's for U+FEFF, U+0085 and other numerals; the patterns that it is given it translates exactly.
 */
function withUnicodeClasses(step: unknown): unknown {
  if (typeof step !== 'object' || step === null || !('type' in step)) return step;
  if (step.type === 'Sequence' && 'pretokenizers' in step && Array.isArray(step.pretokenizers)) {
    return { ...step, pretokenizers: step.pretokenizers.map(withUnicodeClasses) };
  }
  if (step.type === 'Digits') {
    return isolated('individual_digits' in step && step.individual_digits === true ? '\\p{N}' : '\\p{N}+');
  }
  const cutsWords = !('use_regex' in step && step.use_regex === false);
  const addsSpace = 'add_prefix_space' in step && step.add_prefix_space === true;
  if (step.type !== 'ByteLevel' || !cutsWords || addsSpace) return step;
  return { type: 'Sequence', pretokenizers: [isolated(gpt2Words), { ...step, use_regex: false }] };
}

/** A pre-tokenizer whose pieces are the matches and the stretches between them. */
export function isolated(regex: string): Readonly<Record<string, unknown>> {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
}
