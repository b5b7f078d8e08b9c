import { describe, expect, it } from 'vitest';
import { MessageSplitter, prefixed } from './message-splitter.js';

const texts = ['one', '', 'a longer message', 'x'];
const wire = Buffer.concat(texts.map((text) => prefixed(Buffer.from(text))));

function splitter(bytesMax = 100) {
  const taken: string[] = [];
  const inner = new MessageSplitter(bytesMax, (bytes) => bytes.toString());
  return { taken, push: (bytes: Buffer) => inner.push(bytes, (message) => taken.push(message)) };
}

describe('MessageSplitter', () => {
  it('gives each message once it is whole, however the bytes were cut', () => {
    for (let pieceBytes = 1; pieceBytes <= wire.length; pieceBytes++) {
      const { taken, push } = splitter();
      for (let start = 0; start < wire.length; start += pieceBytes) {
        expect(push(wire.subarray(start, start + pieceBytes))).toBeUndefined();
      }
      expect(taken, `in pieces of ${pieceBytes} bytes`).toEqual(texts);
    }
  });

  it('says what is wrong with a message that is too long, compressed or no message, behind those before it', () => {
    const inner = new MessageSplitter(100, (): string => {
      throw new RangeError('index out of range');
    });
    expect(inner.push(wire, () => {})?.message).toContain('index out of range');
    const long = splitter(10);
    expect(long.push(wire)?.message).toBe('a message has 16 bytes; at most 10 are read');
    expect(long.taken).toEqual(['one', '']);
    expect(splitter().push(Buffer.from([1, 0, 0, 0, 0]))?.message).toContain('compressed');
  });
});
