import { describe, expect, it } from 'vitest';
import { llamaServer } from './llama-server.js';

const subject = llamaServer({
  llamaCpp: { version: '1', serverFile: '/peers/llama-server', quantizeFile: '' },
  modelFile: '/models/a b.gguf',
  weights: 'f16',
  batchTokens: 128,
  threads: 2,
  requestTokens: 320,
});

describe('llamaServer', () => {
  it('gets a slot with room for each request, and the threads and pass size of its name', () => {
    if (subject.where.kind !== 'start') throw new Error('a peer is started');
    const { args, url } = subject.where.command(16, 8123);
    const flagValue = (flag: string): string | undefined => args[args.indexOf(flag) + 1];
    expect(subject.name).toBe('llama-server f16 b128');
    expect(url).toBe('http://127.0.0.1:8123');
    expect(Number(flagValue('--ctx-size')) / Number(flagValue('--parallel'))).toBeGreaterThanOrEqual(320);
    expect(flagValue('--parallel')).toBe('16');
    expect([flagValue('--threads'), flagValue('--batch-size'), flagValue('--ubatch-size')]).toEqual([
      '2',
      '128',
      '128',
    ]);
    expect(flagValue('--model')).toBe('/models/a b.gguf');
  });
});
