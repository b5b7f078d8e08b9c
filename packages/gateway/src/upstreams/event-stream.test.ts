import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventStream } from './event-stream.js';

function read(parts: readonly (string | Uint8Array)[]): string[] {
  const data: string[] = [];
  const stream = new EventStream((one) => data.push(one));
  for (const part of parts) stream.push(typeof part === 'string' ? Buffer.from(part) : part);
  return data;
}

describe('EventStream.push', () => {
  it.each<[string, string[]]>([
    ['data: a\n\ndata:b\n\n', ['a', 'b']],
    ['data: a\r\n\r\ndata: b\r\rdata: c\n\n', ['a', 'b', 'c']],
    ['data: a\ndata: b\n\n', ['a\nb']],
    ['data:  a\n\n', [' a']],
    [': comment\n\nevent: x\nid: 1\nretry: 3\n\n', []],
    ['data\n\ndatas: x\n\n', []],
    ['data: a\n', []],
    ['\ufeffdata: a\n\n', ['a']],
    ['\n\n\ndata: a\n\n\n\n', ['a']],
  ])('reads %j', (text, data) => {
    expect(read([text])).toEqual(data);
  });

  it('reads the same, wherever the bytes are cut', () => {
    const line = fc.constantFrom('data: é€😀', 'data:x', ': c', 'event: e', '', '');
    const end = fc.constantFrom('\n', '\r', '\r\n');
    const text = fc.array(fc.tuple(line, end)).map((lines) => lines.flat().join(''));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (whole, sizes) => {
        const bytes = Buffer.from(`${whole}\n\n`);
        const parts: Uint8Array[] = [];
        for (let from = 0, turn = 0; from < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          parts.push(bytes.subarray(from, from + size));
          from += size;
        }
        expect(read(parts)).toEqual(read([bytes]));
      }),
    );
  });

  it.each<[string, (string | Uint8Array)[]]>([
    ['bytes that are no UTF-8', [Uint8Array.of(0xc3, 0x28)]],
    ['a line without end', ['data: ', 'x'.repeat(600_000), 'x'.repeat(600_000)]],
    ['an event without end', Array.from({ length: 1_200 }, () => `data: ${'x'.repeat(1_000)}\n`)],
  ])('refuses %s', (_, parts) => {
    expect(() => read(parts)).toThrow();
  });
});
