import { describe, expect, it } from 'vitest';
import { LineSplitter } from './line-splitter.js';

function split(...chunks: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

describe('LineSplitter', () => {
  it('puts lines together wherever the stream is cut, inside a character too', () => {
    const stream = new TextEncoder().encode('één\n\nthe last');
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(split(stream.subarray(0, cut), stream.subarray(cut))).toEqual(['één', '', 'the last']);
    }
  });
  it('holds no more than a bounded piece of a line without end', () => {
    const lines = split(new Uint8Array(200_000).fill(120));
    expect(lines.map((line) => line.length)).toEqual([65_536, 65_536, 65_536, 200_000 - 3 * 65_536]);
  });
});
