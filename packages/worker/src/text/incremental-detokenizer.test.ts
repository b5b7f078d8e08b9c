import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DetokenizeOptions, IncrementalDetokenizer } from './incremental-detokenizer.js';
import type { TokenKind } from './tokenizer-definition.js';
import { Vocabulary } from './vocabulary.js';

const smiley = [0xf0, 0x9f, 0x98, 0x80];
const special: readonly [string, TokenKind][] = [
  ['<end>', 'control'],
  ['<think>', 'userDefined'],
  ['\u2581Paris', 'normal'],
  ['\u2581', 'normal'],
  ['[TOOL_CALLS]', 'control'],
];
const endId = 256;
const parisId = 258;

/** Tokens 0 to 255 are single bytes. */
const vocabulary = vocabularyOf([
  ...Array.from({ length: 256 }, (_, byte): [string, TokenKind] => [
    `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    'byte',
  ]),
  ...special,
]);

describe('IncrementalDetokenizer.push', () => {
  it('never gives half a character', () => {
    const stream = detokenizer();
    expect(smiley.map((byte) => stream.push(byte))).toEqual(['', '', '', '\u{1F600}']);
    expect(stream.flush()).toBe('');
  });

  it('writes the marks of calls, which who reads the answer has to see, and no other control token', () => {
    const stream = detokenizer();
    expect([endId, endId + special.length - 1].map((token) => stream.push(token))).toEqual(['', '[TOOL_CALLS]']);
  });

  it('replaces bytes as soon as no more can complete them', () => {
    const stream = detokenizer();
    expect([0xf0, 0x9f, 0x41, 0xff, 0x42].map((byte) => stream.push(byte))).toEqual(['', '', '\uFFFDA', '\uFFFD', 'B']);
  });

  it('replaces a character that never came at the end', () => {
    const stream = detokenizer();
    stream.push(0xe4);
    stream.push(0xb8);
    expect(stream.flush()).toBe('\uFFFD');
    expect(stream.flush()).toBe('');
  });

  it('writes control tokens only when asked to, and user-defined ones always', () => {
    expect([endId, endId + 1].map((id) => detokenizer().push(id))).toEqual(['', '<think>']);
    expect(detokenizer({ special: true }).push(endId)).toBe('<end>');
  });

  it('takes the space off the front of a text of its own, once', () => {
    const stream = detokenizer({ startsText: true });
    expect([parisId, parisId].map((id) => stream.push(id))).toEqual(['Paris', ' Paris']);
  });

  it('keeps the space in front of a text that continues another', () => {
    expect(detokenizer().push(parisId)).toBe(' Paris');
  });

  it('takes the space off when it comes as a byte or as a token of its own', () => {
    for (const id of [0x20, 259]) {
      const stream = detokenizer({ startsText: true });
      expect([stream.push(id), stream.push(0x41), stream.push(parisId)]).toEqual(['', 'A', ' Paris']);
    }
  });

  it('ignores an id beyond the vocabulary', () => {
    expect(detokenizer().push(100_000)).toBe('');
  });

  it('gives in pieces what decoding all bytes at once gives', () => {
    const bytes = fc.array(
      fc.oneof(fc.constantFrom(...smiley, 0xc3, 0xa9, 0xe4, 0xb8, 0x96, 0xef, 0xbb, 0xbf), fc.nat(255)),
      {
        maxLength: 24,
      },
    );
    fc.assert(
      fc.property(bytes, (ids) => {
        const stream = detokenizer();
        const text = ids.map((id) => stream.push(id)).join('') + stream.flush();
        expect(text).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(ids)));
      }),
      { numRuns: 2000 },
    );
  });
});

function detokenizer(options: DetokenizeOptions = {}): IncrementalDetokenizer {
  return new IncrementalDetokenizer(vocabulary, true, options);
}

function vocabularyOf(rows: readonly (readonly [string, TokenKind])[]): Vocabulary {
  return new Vocabulary({
    tokens: rows.map(([token]) => token),
    kinds: rows.map(([, kind]) => kind),
    spelling: 'sentencepiece',
    addSpacePrefix: true,
    beginTokenId: undefined,
    addBegin: false,
    endTokenId: undefined,
    endTokenIds: [],
    chatTemplate: undefined,
    encoder: { kind: 'sentencepiece', scores: rows.map(() => 0) },
  });
}
