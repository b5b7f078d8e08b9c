import { describe, expect, it } from 'vitest';
import { renderLongPrompts } from './long-prompt-report.js';

const result = (subject: string, gapMs: number) => ({
  subject,
  kind: 'long-prompt' as const,
  tbtMs: 400,
  streams: 16,
  promptTokens: 2000,
  beforeMs: { p99: 40, max: 41 },
  afterMs: { p99: gapMs, max: gapMs },
  ttftMs: 4000,
  isWithin: gapMs <= 400,
  gaps: [
    { atMs: -9_000, gapMs: 20 },
    { atMs: -500, gapMs: 40 },
    { atMs: 500, gapMs },
  ],
});

describe('renderLongPrompts', () => {
  it('draws every subject on the same axes, with the objective across', () => {
    const files = renderLongPrompts([result('slo', 300), result('llama-server b128', 3_000)]);
    expect([...files.keys()]).toEqual(['long-prompt-slo.svg', 'long-prompt-llama-server-b128.svg', 'long-prompt.html']);
    const before = (file: string) => /<circle [^>]*/.exec(files.get(file)!)?.[0];
    expect(before('long-prompt-slo.svg')).toBe(before('long-prompt-llama-server-b128.svg'));
    expect(files.get('long-prompt-slo.svg')!.match(/<circle/g)).toHaveLength(2);
    expect(files.get('long-prompt.html')).toContain('objective 400 ms');
  });
});
