import { describe, expect, it } from 'vitest';
import { sseData } from './sse.js';

async function read(...chunks: readonly Uint8Array[]): Promise<string[]> {
  const all: string[] = [];
  for await (const data of sseData(chunks)) all.push(data);
  return all;
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe('sseData', () => {
  it('gives each event once, wherever the stream is cut', async () => {
    const stream = bytes('data: {"a":"é"}\n\n: a comment\n\nevent: x\ndata: two\r\ndata:lines\r\n\r\ndata: [DONE]\n\n');
    const wanted = ['{"a":"é"}', 'two\nlines', '[DONE]'];
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(await read(stream.subarray(0, cut), stream.subarray(cut))).toEqual(wanted);
    }
  });
  it('leaves out an event that was cut off', async () => {
    expect(await read(bytes('data: whole\n\ndata: hal'))).toEqual(['whole']);
  });
  it('refuses an event without end', async () => {
    const piece = bytes('data: '.padEnd(1024 * 1024, 'x'));
    await expect(read(piece, piece, piece, piece, piece)).rejects.toThrow('longer than');
  });
});
