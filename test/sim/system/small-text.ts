import { createTextPort, type TextPort } from '../../../packages/worker/src/service/text-port.js';
import { createTokenizer } from '../../../packages/worker/src/text/tokenizer.js';

/** As many as the hashing model's vocabulary. */
export const VOCABULARY = 24;
export const END_TOKEN = VOCABULARY - 1;

const letters = [...'abcdefghijklmno'];
/** Bytes of two characters, so that answers hold whole and broken ones. */
const bytes = ['<0xC3>', '<0xA9>', '<0xE2>', '<0x82>', '<0xAC>'];
const words = ['\u2581the', '\u2581', 'ab'];

/** The worker's own tokenizer over two dozen tokens. */
export function smallText(): TextPort {
  const tokens = [...letters, ...bytes, ...words, '</s>'];
  const tokenizer = createTokenizer({
    tokens,
    kinds: [
      ...letters.map(() => 'normal' as const),
      ...bytes.map(() => 'byte' as const),
      ...words.map(() => 'normal' as const),
      'control',
    ],
    spelling: 'sentencepiece',
    addSpacePrefix: false,
    beginTokenId: undefined,
    addBegin: false,
    endTokenId: END_TOKEN,
    endTokenIds: [END_TOKEN],
    chatTemplate: undefined,
    encoder: { kind: 'sentencepiece', scores: tokens.map(() => 0) },
  });
  return createTextPort(tokenizer, undefined);
}
