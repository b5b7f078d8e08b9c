import { describe, expect, it } from 'vitest';
import { styleFor } from '../terminal/style.js';
import { renderWelcome } from './welcome.js';

const welcome = {
  url: 'http://127.0.0.1:8000',
  model: 'tiny',
  question: 'What is the capital of France?',
  answer: { text: ' Paris.', finishReason: 'stop', completionTokens: 3, firstTokenMs: 41.6, tokensPerSecond: 118.25 },
  needsKey: false,
  workers: 1,
  gateways: 1,
  threads: 2,
  logFolder: '/logs',
};

describe('renderWelcome', () => {
  it('shows answer, speed, address and a curl line that a shell takes as it is', () => {
    const text = renderWelcome(welcome, styleFor({}));
    expect(text).toContain('Sluice serves tiny at http://127.0.0.1:8000  (1 worker of 2 threads)');
    expect(renderWelcome({ ...welcome, gateways: 2 }, styleFor({}))).toContain(' behind 2 gateway processes)');
    expect(text).toContain('answered  Paris.\n');
    expect(text).toContain('first token after 42 ms, then 118.3 tokens/s');
    expect(text).toContain('http://127.0.0.1:8000/metrics');
    const body = /-d '([^']*)'/.exec(text)?.[1] ?? '';
    expect(JSON.parse(body)).toMatchObject({ model: 'tiny', messages: [{ role: 'user', content: welcome.question }] });
    expect(text).not.toContain('authorization');
  });

  it('shows where the key goes where one is needed', () => {
    const text = renderWelcome({ ...welcome, needsKey: true }, styleFor({}));
    expect(text).toContain(` -H "authorization: Bearer $SLUICE_API_KEY" -d '{`);
  });
});
