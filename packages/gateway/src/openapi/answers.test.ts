import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { startTestGateway, type TestGateway } from '../test-support/start-test-gateway.js';
import { operations } from './operations.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(async () => gateway.stop());

const messages = [{ role: 'user', content: 'Hi' }];
const bodies: Readonly<Record<string, object>> = {
  '/v1/chat/completions': { messages, n: 2 },
  '/v1/completions': { prompt: 'Hi' },
  '/v1/responses': { input: 'Hi' },
  '/v1/messages': { model: 'fake/model', messages, max_tokens: 5 },
};

function answerOf(path: string) {
  const { answer } = operations.find((each) => each.path === path)!;
  return answer;
}

function expectShape(schema: z.ZodType | undefined, value: unknown): void {
  const parsed = schema?.safeParse(value);
  expect(parsed?.error?.issues, JSON.stringify(value)).toBeUndefined();
  expect(parsed?.success).toBe(true);
}

describe.each(Object.keys(bodies))('a reply of %s', (path) => {
  it('has the shape that is described', async () => {
    const response = await gateway.post(path, bodies[path]);
    expect(response.status).toBe(200);
    expectShape(answerOf(path).json, await response.json());
  });

  it('has it in each event of a stream', async () => {
    const response = await gateway.post(path, { ...bodies[path], stream: true });
    const text = await response.text();
    const events = [...text.matchAll(/^data: (.*)$/gm)]
      .map(([, data = '']) => data)
      .filter((data) => data !== '[DONE]');
    expect(events.length).toBeGreaterThan(2);
    for (const event of events) expectShape(answerOf(path).event, JSON.parse(event));
  });
});

describe.each(['/v1/models', '/v1/models/{model}', '/props', '/version', '/health', '/ready'])(
  'a reply of %s',
  (path) => {
    it('has the shape that is described', async () => {
      const response = await fetch(gateway.url + path.replace('{model}', 'fake/model'));
      expect(response.status).toBe(200);
      expectShape(answerOf(path).json, await response.json());
    });
  },
);

describe.each([
  ['/tokenize', { prompt: 'Hi', return_token_strs: true }],
  ['/detokenize', { tokens: [72, 105] }],
])('a reply of %s', (path, body) => {
  it('has the shape that is described', async () => {
    const response = await gateway.post(path, body);
    expect(response.status).toBe(200);
    expectShape(answerOf(path).json, await response.json());
  });
});
