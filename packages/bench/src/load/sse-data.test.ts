import { describe, expect, it } from 'vitest';
import { SseData } from './sse-data.js';

const stream = Buffer.from(': hello\n\nevent: x\ndata: {"text":"é→"}\n\ndata:two\r\n\r\ndata: [DONE]\n\n');
const payloads = ['{"text":"é→"}', 'two', '[DONE]'];

describe('SseData.push', () => {
  it('gives every payload once, wherever the stream is cut in two', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const data = new SseData();
      expect([...data.push(stream.subarray(0, cut)), ...data.push(stream.subarray(cut))]).toEqual(payloads);
    }
  });

  it('gives every payload when bytes come one by one', () => {
    const data = new SseData();
    expect([...stream].flatMap((byte) => data.push(Uint8Array.of(byte)))).toEqual(payloads);
  });

  it('keeps a line that is not finished to itself', () => {
    expect(new SseData().push(Buffer.from('data: half'))).toEqual([]);
  });

  it('refuses to gather a line without end', () => {
    const data = new SseData();
    const piece = Buffer.alloc(400_000, 'x');
    data.push(piece);
    data.push(piece);
    expect(() => data.push(piece)).toThrow('exceeds 1000000 characters');
  });
});
