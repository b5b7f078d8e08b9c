import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { finished, type helloScript } from './test-support/fake-worker.js';
import {
  readEvents,
  startTestGateway,
  type TestGateway,
  type TestGatewayOptions,
} from './test-support/start-test-gateway.js';

let gateway: TestGateway;
const start = async (options: TestGatewayOptions = {}): Promise<TestGateway> => {
  gateway = await startTestGateway(options);
  return gateway;
};
const openai = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
const messages = [{ role: 'user' as const, content: 'Hi' }];

afterEach(async () => gateway.stop());

describe('POST /v1/chat/completions', () => {
  it('answers the official client in one piece', async () => {
    await start();
    const reply = await openai().chat.completions.create({ model: 'fake/model', messages, max_tokens: 5, seed: 9 });
    expect(reply.id).toMatch(/^chatcmpl-[a-z0-9]{28}$/);
    expect(reply).toMatchObject({
      object: 'chat.completion',
      model: 'fake/model',
      system_fingerprint: 'sluice-q8-own-q8',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello world' }, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 7,
        completion_tokens: 2,
        total_tokens: 9,
        prompt_tokens_details: { cached_tokens: 3 },
      },
    });
    expect(gateway.worker.requests[0]).toMatchObject({
      messagesJson: JSON.stringify(messages),
      tokensMax: 5,
      sampling: { temperature: 1, topP: 1, topK: 0, repetitionPenalty: 1, seed: 9 },
    });
  });

  it('streams to the official client', async () => {
    await start();
    const stream = await openai().chat.completions.create({ model: 'fake/model', messages, stream: true });
    const texts: unknown[] = [];
    let finishReason: string | null = null;
    for await (const chunk of stream) {
      texts.push(chunk.choices[0]?.delta.content);
      finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
    }
    expect(texts).toEqual(['', 'Hello', ' world', undefined]);
    expect(finishReason).toBe('stop');
  });

  it('sends role, contents, finish reason, usage and [DONE] in this order', async () => {
    await start();
    const response = await gateway.chat({ stream: true, stream_options: { include_usage: true } });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const events = await readEvents(response);
    const chunk = { object: 'chat.completion.chunk', model: 'fake/model', usage: null };
    expect(events).toMatchObject([
      { ...chunk, choices: [{ delta: { role: 'assistant', content: '' }, finish_reason: null, logprobs: null }] },
      { ...chunk, choices: [{ delta: { content: 'Hello' }, finish_reason: null }] },
      { ...chunk, choices: [{ delta: { content: ' world' }, finish_reason: null }] },
      { ...chunk, choices: [{ delta: {}, finish_reason: 'stop' }] },
      { ...chunk, choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } },
      '[DONE]',
    ]);
    const ids = new Set(events.filter((event) => event !== '[DONE]').map((event) => (event as { id: string }).id));
    expect(ids.size).toBe(1);
  });

  it('carries text that JSON must escape', async () => {
    const text = '"\\\n\u2028é😀\u0000</script>';
    await start({
      fakes: [
        {
          onSubmit: (run) =>
            run.send({
              accepted: { promptTokens: 1 },
              tokenIds: [5],
              text,
              finished: finished('FINISH_REASON_LENGTH', 1),
            }),
        },
      ],
    });
    const events = (await readEvents(await gateway.chat({ stream: true }))) as {
      choices: { delta: { content?: string } }[];
    }[];
    expect(events.map((event) => event.choices?.[0]?.delta.content)).toEqual(['', text, undefined, undefined]);
    const whole = (await (await gateway.chat()).json()) as { choices: unknown[] };
    expect(whole.choices[0]).toMatchObject({ message: { content: text }, finish_reason: 'length' });
  });

  it('gives log-probabilities with bytes and the likeliest tokens', async () => {
    const bytes = Buffer.from([0xc3]);
    const top = [
      { tokenId: 1, token: Buffer.from('Hi'), logprob: -0.5, top: [] },
      { tokenId: 2, token: bytes, logprob: -Infinity, top: [] },
    ];
    const onSubmit: typeof helloScript = (run) => {
      run.send({ accepted: { promptTokens: 1 } });
      run.send({ tokenIds: [1], text: 'Hi', logprobs: [{ tokenId: 1, token: Buffer.from('Hi'), logprob: -0.5, top }] });
      run.send({ tokenIds: [2], text: '', logprobs: [{ tokenId: 2, token: bytes, logprob: -2, top: [] }] });
      run.send({ finished: finished('FINISH_REASON_LENGTH', 2) });
    };
    await start({ fakes: [{ onSubmit }] });
    const entries = [
      {
        token: 'Hi',
        logprob: -0.5,
        bytes: [72, 105],
        top_logprobs: [
          { token: 'Hi', logprob: -0.5, bytes: [72, 105] },
          { token: '\ufffd', logprob: -9999, bytes: [0xc3] },
        ],
      },
      { token: '\ufffd', logprob: -2, bytes: [0xc3], top_logprobs: [] },
    ];
    const request = { messages, model: 'fake/model', logprobs: true, top_logprobs: 2 };
    const whole = await openai().chat.completions.create(request);
    expect(whole.choices[0]?.logprobs?.content).toEqual(entries);
    const streamed = [];
    for await (const { choices } of await openai().chat.completions.create({ ...request, stream: true })) {
      streamed.push(...(choices[0]?.logprobs?.content ?? []));
    }
    expect(streamed).toEqual(entries);
    expect(gateway.worker.requests[0]).toMatchObject({ logprobs: true, logprobsTop: 2 });
  });
});

describe('POST /v1/completions', () => {
  it('answers and streams to the official client', async () => {
    await start();
    const request = { model: 'fake/model', prompt: 'Once' };
    const reply = await openai().completions.create(request);
    expect(reply.id).toMatch(/^cmpl-/);
    expect(reply.choices[0]).toEqual({ index: 0, text: 'Hello world', logprobs: null, finish_reason: 'stop' });
    let text = '';
    for await (const chunk of await openai().completions.create({ ...request, stream: true }))
      text += chunk.choices[0]?.text;
    expect(text).toBe('Hello world');
    expect(gateway.worker.requests[0]).toMatchObject({ text: 'Once', tokensMax: 16 });
  });

  it.each([
    { prompt: ['Once'], sent: { text: 'Once' } },
    { prompt: [5, 6], sent: { tokenIds: { ids: [5, 6] } } },
    { prompt: [[5, 6]], sent: { tokenIds: { ids: [5, 6] } } },
  ])('takes the prompt $prompt', async ({ prompt, sent }) => {
    await start();
    expect((await gateway.post('/v1/completions', { prompt })).status).toBe(200);
    expect(gateway.worker.requests[0]).toMatchObject(sent);
  });

  it('gives log-probabilities in the old shape, with offsets that go on', async () => {
    const entry = (text: string) => ({
      tokenId: 1,
      token: Buffer.from(text),
      logprob: -1,
      top: [{ tokenId: 1, token: Buffer.from(text), logprob: -1, top: [] }],
    });
    const onSubmit: typeof helloScript = (run) => {
      run.send({ accepted: { promptTokens: 1 } });
      run.send({ tokenIds: [1], text: 'Hel', logprobs: [entry('Hel')] });
      run.send({ tokenIds: [2], text: 'lo', logprobs: [entry('lo')], finished: finished('FINISH_REASON_LENGTH', 2) });
    };
    await start({ fakes: [{ onSubmit }] });
    const reply = await openai().completions.create({ model: 'fake/model', prompt: 'x', logprobs: 1 });
    expect(reply.choices[0]?.logprobs).toEqual({
      tokens: ['Hel', 'lo'],
      token_logprobs: [-1, -1],
      top_logprobs: [{ Hel: -1 }, { lo: -1 }],
      text_offset: [0, 3],
    });
    const response = await gateway.post('/v1/completions', { prompt: 'x', logprobs: 0, stream: true });
    const events = (await readEvents(response)) as { choices: { logprobs: { text_offset: number[] } }[] }[];
    expect(events.slice(0, 2).map((event) => event.choices[0]?.logprobs.text_offset)).toEqual([[0], [3]]);
  });
});

describe('GET /v1/models', () => {
  it('lists the models of the workers, each once, and finds one by name', async () => {
    await start({ fakes: [{}, {}, { model: 'other' }] });
    const page = await openai().models.list();
    expect(page.data.map(({ id }) => id)).toEqual(['fake/model', 'other']);
    const found = { id: 'fake/model', object: 'model', created: 1_700_000_000, max_model_len: 256 };
    expect(await openai().models.retrieve('fake/model')).toMatchObject(found);
    expect(await (await fetch(`${gateway.url}/v1/models/fake/model`)).json()).toMatchObject(found);
    expect((await fetch(`${gateway.url}/v1/models/nope`)).status).toBe(404);
  });
});
