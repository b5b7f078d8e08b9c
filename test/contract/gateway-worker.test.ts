import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../../packages/gateway/src/test-support/start-test-gateway.js';
import { startTestWorker, type TestWorker } from '../../packages/worker/src/service/test-support/test-worker.js';

/**
 * The real gateway over the real worker's service, so that both read worker.proto the same way. Only the engine is
 * scripted: it knows bytes instead of a vocabulary, and takes a step every millisecond.
 */
let worker: TestWorker;
let gateway: TestGateway;
let steps: NodeJS.Timeout;

beforeEach(async () => {
  worker = await startTestWorker();
  // The worker's clock stands still, so it sends no idle frames.
  gateway = await startTestGateway({ fakes: [], workers: [worker.address], workerSilenceMs: 600_000 });
  steps = setInterval(() => worker.engine.step(), 1);
});

afterEach(async () => {
  clearInterval(steps);
  await gateway.stop();
  await worker.close();
});

const answer = (text: string): void => {
  worker.engine.answer = () => [...Buffer.from(text)];
};
const openai = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
const messages = [{ role: 'user' as const, content: 'Hi' }];

describe('a gateway and a worker', () => {
  it('answer in one piece and as a stream, with the same text and counts', async () => {
    answer('Grüße 😀!');
    const whole = await openai().chat.completions.create({ model: 'bytes', messages });
    expect(whole.choices[0]?.message.content).toBe('Grüße 😀!');
    expect(whole.usage?.completion_tokens).toBe(Buffer.byteLength('Grüße 😀!'));
    let text = '';
    let usage: OpenAI.CompletionUsage | undefined;
    const options = { stream: true, stream_options: { include_usage: true } } as const;
    for await (const chunk of await openai().chat.completions.create({ model: 'bytes', messages, ...options })) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe('Grüße 😀!');
    expect(usage).toEqual(whole.usage);
  });

  it('end at a stop string and at max_tokens, and say which', async () => {
    answer('one two three');
    const stopped = await openai().completions.create({ model: 'bytes', prompt: 'x', stop: ' two' });
    expect(stopped.choices[0]).toMatchObject({ text: 'one', finish_reason: 'stop' });
    const cut = await openai().completions.create({ model: 'bytes', prompt: [120, 121], max_tokens: 5 });
    expect(cut.choices[0]).toMatchObject({ text: 'one t', finish_reason: 'length' });
    expect(cut.usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 5 });
  });

  it('give log-probabilities token by token', async () => {
    answer('é!');
    const request = { model: 'bytes', messages, logprobs: true, top_logprobs: 1 };
    const reply = await openai().chat.completions.create(request);
    expect(reply.choices[0]?.message.content).toBe('é!');
    expect(reply.choices[0]?.logprobs?.content?.map(({ bytes }) => bytes)).toEqual([[0xc3], [0xa9], [0x21]]);
    expect(reply.choices[0]?.logprobs?.content?.[0]?.top_logprobs).toEqual([{ token: 'a', logprob: -1, bytes: [97] }]);
  });

  it.each([
    [{ max_tokens: 60 }, 400, 'context_length_exceeded', 'max_tokens', /^max_tokens 60 must be at most \d+:/],
    [
      { max_completion_tokens: 60 },
      400,
      'context_length_exceeded',
      'max_completion_tokens',
      /^max_completion_tokens 60/,
    ],
    [
      { messages: [{ role: 'user', content: 'x'.repeat(100) }] },
      400,
      'context_length_exceeded',
      'messages',
      /^messages: .* at most 63.*; this model's maximum context length is 64 tokens$/,
    ],
  ])('refuse %j before any work', async (fields, status, code, param, message) => {
    const response = await gateway.chat(fields);
    expect(response.status).toBe(status);
    const { error } = (await response.json()) as { error: { code: string; param: string; message: string } };
    expect(error).toMatchObject({ code, param });
    expect(error.message).toMatch(message);
    expect(worker.engine.submitted).toEqual([]);
  });

  it('free the engine when a client leaves', async () => {
    clearInterval(steps);
    const leaving = new AbortController();
    const response = gateway.chat({ stream: true }, { signal: leaving.signal });
    while (worker.engine.submitted.length === 0) await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    await expect(response).rejects.toThrow();
    while (worker.engine.cancelled.length === 0) await new Promise((resolve) => setImmediate(resolve));
    worker.engine.step();
    expect(worker.engine.liveCount).toBe(0);
  });
});
