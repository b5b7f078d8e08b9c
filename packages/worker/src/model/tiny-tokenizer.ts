import type { WritableValue } from './gguf/gguf-writer.js';

const controlTokens = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];

/** Pairs to join, in order; each gives one token. They fill the vocabulary to a multiple of 32. */
const merges = [
  ...[
    't h',
    'th e',
    '\u0120 the',
    'i n',
    'e r',
    'a n',
    'an d',
    '\u0120 and',
    'o n',
    'r e',
    'o u',
    'in g',
    '\u0120 a',
    'o r',
    'e n',
  ],
  ...[
    'i s',
    '\u0120 is',
    'a t',
    'i t',
    'e s',
    '\u0120 in',
    '\u0120 s',
    'a l',
    'a r',
    'l e',
    's t',
    '\u0120 w',
    '\u0120 o',
    'y ou',
  ],
];

/** 256 bytes, 3 control tokens, 29 merges. Ids 0 to 255 are the bytes of the same value. */
export const tinyVocabularyCount = 256 + controlTokens.length + merges.length;

/** GGUF metadata of a byte-level tokenizer that can write any text, with a ChatML template. */
export function tinyTokenizer(): Record<string, WritableValue> {
  const joined = merges.map((merge) => merge.replace(' ', ''));
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'smollm',
    'tokenizer.ggml.tokens': [...byteCharacters(), ...controlTokens, ...joined],
    'tokenizer.ggml.token_type': [
      ...byteCharacters().map(() => 1),
      ...controlTokens.map(() => 3),
      ...joined.map(() => 1),
    ],
    'tokenizer.ggml.merges': merges,
    'tokenizer.ggml.bos_token_id': 257,
    'tokenizer.ggml.eos_token_id': 258,
    'tokenizer.ggml.add_bos_token': false,
    'tokenizer.chat_template':
      "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
      "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  };
}

/** GPT-2's character for each byte: itself where it is printable, else the next one from U+0100 up. */
function byteCharacters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(printable ? byte : next++);
  });
}
