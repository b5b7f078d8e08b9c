import { ServingError } from '@sluice/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Metadata, type MetadataValue } from '../model/gguf/metadata.js';
import { readGgufTokenizer } from './gguf-tokenizer.js';
import { createTokenizer, type Tokenizer } from './tokenizer.js';

const controls = ['<s>', '<|im_end|>', '<|endoftext|>', '<|im_end|', '|><s>'];
const endOfTurnId = 257;

/** What makes tokenizerOf's tokenizer one of SentencePiece's kind: byte tokens, and id 32 for the space. */
const sentencepiece: Readonly<Record<string, MetadataValue>> = {
  'tokenizer.ggml.model': 'llama',
  'tokenizer.ggml.tokens': [
    ...Array.from({ length: 256 }, (_, byte) => (byte === 0x20 ? '\u2581' : byteName(byte))),
    ...controls,
  ],
  'tokenizer.ggml.token_type': [
    ...Array.from({ length: 256 }, (_, byte) => (byte === 0x20 ? 1 : 6)),
    ...controls.map(() => 3),
  ],
  'tokenizer.ggml.scores': new Array<number>(256 + controls.length).fill(0),
};

describe('Tokenizer.encode', () => {
  it('puts the begin token in front once, if the model wants it and it is asked for', () => {
    const wanting = tokenizerOf({ 'tokenizer.ggml.add_bos_token': true });
    expect(wanting.encode('a', { special: true, begin: true })).toEqual([256, 0x61]);
    expect(wanting.encode('<s>a', { special: true, begin: true })).toEqual([256, 0x61]);
    expect(wanting.encode('a', { special: true })).toEqual([0x61]);
    expect(tokenizerOf().encode('a', { special: true, begin: true })).toEqual([0x61]);
  });

  it('takes lone surrogates for U+FFFD', () => {
    expect(tokenizerOf().encode('a\ud800', { special: true })).toEqual([0x61, 0xef, 0xbf, 0xbd]);
  });

  it('finds no control token in a shielded text, even where their spellings overlap', () => {
    const tokenizer = tokenizerOf();
    for (const text of ['<|im_end|>', 'a<|im_end|><s>b', '<<|im_end|>', '<|im_end|><s>', '<|endoftext|>']) {
      expect(tokenizer.encode(text, { special: true }).some((id) => id >= 256)).toBe(true);
      const shielded = tokenizer.encode(tokenizer.shield(text), { special: true });
      expect(shielded).toEqual([...Buffer.from(text)]);
    }
  });

  it('finds none in any shielded text, whatever pieces of control tokens it is made of', () => {
    const piece = fc.constantFrom(...controls, '<', '|', '>', '<|im_', 'end|>', 's>', ' ', 'a', '\uFDD0', '\u{1F600}');
    for (const tokenizer of [tokenizerOf(), tokenizerOf(sentencepiece)]) {
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
          const ids = tokenizer.encode(tokenizer.shield(pieces.join('')), { special: true });
          expect(ids.filter((id) => id >= 256)).toEqual([]);
          expect(tokenizer.decode(ids)).toBe(pieces.join('').replaceAll('\uFDD0', ''));
        }),
      );
    }
  });

  it('puts a SentencePiece space in front of each stretch of text between control tokens', () => {
    const tokenizer = tokenizerOf(sentencepiece);
    expect(tokenizer.encode('a<s>b', { special: true })).toEqual([0x20, 0x61, 256, 0x20, 0x62]);
    expect(tokenizer.encode('', { special: true })).toEqual([]);
  });
});

describe('Tokenizer.decode', () => {
  it('leaves control tokens out unless asked for them', () => {
    const ids = [0x61, endOfTurnId];
    expect(tokenizerOf().decode(ids)).toBe('a');
    expect(tokenizerOf().decode(ids, { special: true })).toBe('a<|im_end|>');
  });

  it('refuses an id that is not in the vocabulary, naming it and the bound', () => {
    expect(() => tokenizerOf().decode([1, 9999])).toThrow(/ids\[1\] 9999 must be a token id below 261/);
    expect(() => tokenizerOf().decode([-1])).toThrow(ServingError);
    expect(() => tokenizerOf().decode([0.5])).toThrow(ServingError);
  });
});

describe('Tokenizer.tokenBytes', () => {
  it('gives parts of characters as they are, and control tokens only when asked', () => {
    const tokenizer = tokenizerOf();
    expect([...tokenizer.tokenBytes(0xf0)]).toEqual([0xf0]);
    expect([...tokenizer.tokenBytes(endOfTurnId)]).toEqual([]);
    expect(Buffer.from(tokenizer.tokenBytes(endOfTurnId, { special: true })).toString()).toBe('<|im_end|>');
    expect([...tokenizer.tokenBytes(9999)]).toEqual([]);
  });
});

describe('readGgufTokenizer', () => {
  it('knows the end of the text and of the turn, whichever the file names', () => {
    expect(tokenizerOf().endTokenIds).toEqual([257, 258]);
    expect(tokenizerOf({ 'tokenizer.ggml.eos_token_id': 5 }).endTokenIds).toEqual([5, 257, 258]);
  });

  it('refuses a tokenizer that it would get wrong, naming the key', () => {
    const cases: readonly [Readonly<Record<string, MetadataValue>>, RegExp][] = [
      [{ 'tokenizer.ggml.model': 't5' }, /tokenizer\.ggml\.model "t5" is not one of gpt2, llama/],
      [
        { 'tokenizer.ggml.pre': 'of-next-year' },
        /"of-next-year" \(tokenizer\.ggml\.pre\) is not one of default, gpt-2/,
      ],
      [{ 'tokenizer.ggml.tokens': [] }, /tokens is empty/],
      [{ 'tokenizer.ggml.token_type': [1, 1] }, /token_type must be 261 numbers/],
      [{ 'tokenizer.ggml.eos_token_id': 261 }, /eos_token_id 261 must be a token id below 261/],
      [{ 'tokenizer.ggml.merges': 7 }, /merges/],
      [{ 'tokenizer.ggml.model': 'llama', 'tokenizer.ggml.scores': [0] }, /scores must be 261 numbers/],
    ];
    for (const [values, message] of cases) expect(() => tokenizerOf(values)).toThrow(message);
  });
});

function byteName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** A byte-level tokenizer without merges: token ids 0 to 255 are bytes, the control tokens follow. */
function tokenizerOf(values: Readonly<Record<string, MetadataValue>> = {}): Tokenizer {
  const printable = (byte: number): boolean => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let next = 0x100;
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
  const metadata = new Map<string, MetadataValue>(
    Object.entries({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.tokens': [...bytes, ...controls],
      'tokenizer.ggml.token_type': [...bytes.map(() => 1), ...controls.map(() => 3)],
      'tokenizer.ggml.merges': [],
      'tokenizer.ggml.bos_token_id': 256,
      ...values,
    }),
  );
  return createTokenizer(readGgufTokenizer(new Metadata('test', metadata)));
}
