import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { incompleteTailBytes } from './utf8.js';

describe('incompleteTailBytes', () => {
  it('counts the bytes of a character that is still coming', () => {
    const bytes = new TextEncoder().encode('a\u{1F600}');
    expect([1, 2, 3, 4, 5].map((end) => incompleteTailBytes(bytes.subarray(0, end)))).toEqual([0, 1, 2, 3, 0]);
  });

  it('gives up what can never become a character', () => {
    const hopeless = [
      [0xff],
      [0xc0],
      [0xf5],
      [0x80],
      [0xe0, 0x80],
      [0xed, 0xa0],
      [0xf0, 0x80],
      [0xf4, 0x90],
      [0xe1, 0x41],
    ];
    for (const bytes of hopeless) expect(incompleteTailBytes(Uint8Array.from(bytes))).toBe(0);
  });

  it('agrees with the decoder of the platform about where a text may be cut', () => {
    const byte = fc.constantFrom(
      0x41,
      0x80,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc2,
      0xdf,
      0xe0,
      0xe1,
      0xed,
      0xef,
      0xf0,
      0xf1,
      0xf4,
      0xf5,
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.array(byte, { maxLength: 8 }), (any, likely) => {
        for (const bytes of [any, Uint8Array.from(likely)]) {
          const stream = new TextDecoder('utf-8', { ignoreBOM: true });
          const given = stream.decode(bytes, { stream: true });
          const head = bytes.subarray(0, bytes.length - incompleteTailBytes(bytes));
          expect(new TextDecoder('utf-8', { ignoreBOM: true }).decode(head)).toBe(given);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
