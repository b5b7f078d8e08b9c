import { describe, expect, it } from 'vitest';
import { startFakeUpstream } from './test-support/fake-upstream.js';
import { ask } from './test-support/start-upstream-gateway.js';
import { gateway, start } from './test-support/upstream-gateway.js';

// OpenAI-compatible servers as workers, as the official client sees them behind a gateway.

describe('an OpenAI-compatible server as a worker', () => {
  it('answers streams, whole replies and completions', async () => {
    await start([{}]);
    expect(await gateway.streamed()).toEqual({ text: 'Hello world', error: undefined, finish: 'stop' });
    const whole = await gateway.client.chat.completions.create(ask);
    expect(whole.choices[0]?.message.content).toBe('Hello world');
    expect(whole.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 });
    const completion = await gateway.client.completions.create({
      model: 'fake/model',
      prompt: [1, 2, 3],
      max_tokens: 4,
    });
    expect(completion.choices[0]?.text).toBe('Hello world');
    expect(gateway.runs.map(({ path }) => path)).toEqual([
      '/v1/chat/completions',
      '/v1/chat/completions',
      '/v1/completions',
    ]);
    expect(gateway.runs[2]?.body).toMatchObject({ prompt: [1, 2, 3], max_tokens: 4 });
  });

  it('gives its calls of tools to the client, and gets what may be called', async () => {
    const pieces = [
      { content: 'Let me see.' },
      { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'weather', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"Oslo"}' } }] },
    ];
    await start([
      {
        onRun: (run) => {
          run.open();
          for (const delta of pieces) run.event({ choices: [{ index: 0, delta, finish_reason: null }] });
          run.finish('tool_calls');
        },
      },
    ]);
    const tool = { type: 'function' as const, function: { name: 'weather', parameters: { type: 'object' } } };
    const { choices } = await gateway.client.chat.completions.create({
      ...ask,
      tools: [tool],
      tool_choice: 'required',
      parallel_tool_calls: false,
    });
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'Let me see.',
        tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Oslo"}' } }],
      },
    });
    const named = { type: 'function', function: { name: 'weather' } };
    expect(gateway.runs[0]?.body).toMatchObject({ tools: [tool], tool_choice: named });
    expect(gateway.runs[0]?.body).not.toHaveProperty('structured_outputs');
  });

  it('gets what was asked for, and nothing that was not', async () => {
    await start([{}], { upstreamKey: 'secret' });
    await gateway.chat(
      { model: 'fake/model' },
      { headers: { 'content-type': 'application/json', 'x-request-id': 'mine' } },
    );
    expect(gateway.runs[0]?.body).toEqual({
      model: 'fake/model',
      messages: [{ role: 'user', content: 'Hi' }],
      temperature: 1,
      top_p: 1,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(gateway.runs[0]?.headers).toMatchObject({ authorization: 'Bearer secret', 'x-request-id': 'mine' });
    await gateway.chat({
      temperature: 0.5,
      top_p: 0.9,
      top_k: 5,
      min_p: 0.1,
      seed: 3,
      stop: 'x',
      presence_penalty: 1,
      frequency_penalty: -1,
      repetition_penalty: 1.1,
      logit_bias: { 7: -3 },
      max_completion_tokens: 9,
      ignore_eos: true,
      min_tokens: 2,
      stop_token_ids: [4],
      include_stop_str_in_output: true,
      continue_final_message: true,
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } },
      logprobs: true,
      top_logprobs: 2,
    });
    expect(gateway.runs[1]?.body).toEqual({
      model: 'fake/model',
      messages: [{ role: 'user', content: 'Hi' }],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 5,
      min_p: 0.1,
      seed: 3,
      stop: ['x'],
      presence_penalty: 1,
      frequency_penalty: -1,
      repetition_penalty: 1.1,
      logit_bias: { 7: -3 },
      max_tokens: 9,
      ignore_eos: true,
      min_tokens: 2,
      stop_token_ids: [4],
      include_stop_str_in_output: true,
      continue_final_message: true,
      add_generation_prompt: false,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
      },
      logprobs: true,
      top_logprobs: 2,
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it.each([
    [{ guided_choice: ['a', 'b'] }, { guided_choice: ['a', 'b'] }],
    [{ structured_outputs: { regex: 'a+' } }, { structured_outputs: { regex: 'a+' } }],
    [{ guided_json: '{"type":"object"}' }, { response_format: { type: 'json_schema' } }],
    [{ response_format: { type: 'json_object' } }, { response_format: { type: 'json_object' } }],
  ])('gets forms of text where it looks for them: %j', async (fields, expected) => {
    await start([{}]);
    expect((await gateway.chat(fields)).status).toBe(200);
    expect(gateway.runs[0]?.body).toMatchObject(expected);
  });

  it('gives several choices, each asked for by itself', async () => {
    await start([{}]);
    const reply = await gateway.client.chat.completions.create({ ...ask, n: 2, seed: 7 });
    expect(reply.choices.map(({ message }) => message.content)).toEqual(['Hello world', 'Hello world']);
    expect(gateway.runs.map(({ body }) => [body.n, body.seed])).toEqual([
      [undefined, 7],
      [undefined, 8],
    ]);
  });

  it('gives a prompt back, and is not asked what that scores', async () => {
    await start([{}]);
    const fields = { model: 'fake/model', prompt: 'Say: ', echo: true };
    expect((await gateway.client.completions.create(fields)).choices[0]?.text).toBe('Say: Hello world');
    await expect(gateway.client.completions.create({ ...fields, logprobs: 1 })).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
      param: 'echo',
    });
  });

  it('may serve several models, under a prefix', async () => {
    const server = await startFakeUpstream({ models: ['one', 'two'] });
    await start([], { workers: [`${server.url}/some/where/v1/`] });
    expect((await gateway.client.models.list()).data.map(({ id }) => id)).toEqual(['one', 'two']);
    await gateway.client.chat.completions.create({ ...ask, model: 'two' });
    expect(server.runs[0]?.body.model).toBe('two');
    expect(server.runs[0]?.path).toBe('/some/where/v1/chat/completions');
    await server.close();
  });

  it('is healthy without /health when it says what it serves', async () => {
    await start([{ health: () => undefined }]);
    expect((await gateway.streamed()).text).toBe('Hello world');
  });

  it('may read its log-probabilities in either form', async () => {
    await start([
      {
        onRun: (run) => {
          run.open();
          const chat = {
            content: [{ token: 'A', logprob: -0.5, bytes: [65], top_logprobs: [{ token: 'B', logprob: -1 }] }],
          };
          const legacy = { tokens: ['A'], token_logprobs: [-0.5], top_logprobs: [{ B: -1 }], text_offset: [0] };
          const isChat = run.path.endsWith('/chat/completions');
          const said = isChat ? { delta: { content: 'A' }, logprobs: chat } : { text: 'A', logprobs: legacy };
          run.event({ choices: [{ index: 0, ...said, finish_reason: null }] });
          run.finish('length');
        },
      },
    ]);
    const chat = await gateway.client.chat.completions.create({ ...ask, logprobs: true, top_logprobs: 1 });
    expect(chat.choices[0]?.logprobs?.content).toEqual([
      { token: 'A', logprob: -0.5, bytes: [65], top_logprobs: [{ token: 'B', logprob: -1, bytes: [66] }] },
    ]);
    expect(chat.choices[0]?.finish_reason).toBe('length');
    const completion = await gateway.client.completions.create({ model: 'fake/model', prompt: 'x', logprobs: 1 });
    expect(completion.choices[0]?.logprobs).toEqual({
      tokens: ['A'],
      token_logprobs: [-0.5],
      top_logprobs: [{ A: -0.5, B: -1 }],
      text_offset: [0],
    });
  });

  it('keeps its connections for the next requests', async () => {
    await start([{}]);
    for (let i = 0; i < 5; i++) await gateway.client.chat.completions.create(ask);
    expect(gateway.upstreams[0]?.connections).toBe(1);
  });

  it.each([
    ['while it streams', true],
    ['before its first text', false],
  ])('hears at once that a client has left %s', async (_, hasBegun) => {
    await start([
      {
        onRun: (run) => {
          run.open();
          if (hasBegun) run.say('Hello');
        },
      },
    ]);
    const abort = new AbortController();
    const reply = gateway.chat({ stream: true }, { signal: abort.signal }).catch(() => undefined);
    await gateway.upstreams[0]?.until(({ runs }) => runs.length === 1);
    if (hasBegun) await reply;
    abort.abort();
    await gateway.upstreams[0]?.until(({ left }) => left.length === 1);
    await reply;
  });
});

describe('a stream', () => {
  const line = (text: string): string =>
    JSON.stringify({ choices: [{ delta: { content: text }, finish_reason: null }] });
  const end = `data: ${JSON.stringify({ choices: [{ delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`;
  const euro = Buffer.from(`data: ${line('a€b')}\n\n`);
  const cutAt = euro.indexOf('€') + 1;

  it.each<[string, (string | Uint8Array)[], string]>([
    ['with CRLF, CR and comments', [`: hi\r\ndata: ${line('a')}\r\n\r\n: ping\r\rdata:${line('b')}\r\r`, end], 'ab'],
    ['with data in two lines', [`data: {"choices":[{"delta":\ndata: {"content":"a"}}]}\n\n`, end], 'a'],
    ['cut inside a character', [euro.subarray(0, cutAt), euro.subarray(cutAt), end], 'a€b'],
    ['byte by byte', [...Buffer.from(`data: ${line('a€')}\r\n\r\n${end}`)].map((byte) => Uint8Array.of(byte)), 'a€'],
    ['with names, ids and a byte order mark', [`\ufeffevent: x\nid: 1\nretry: 5\ndata: ${line('a')}\n\n`, end], 'a'],
    ['that ends without [DONE] behind its finish reason', [`data: ${line('a')}\n\n`, end.slice(0, -14)], 'a'],
    ['with null fields', [`data: {"error":null,"usage":null,"choices":[{"delta":{"content":null}}]}\n\n`, end], ''],
  ])('is read %s', async (_, parts, text) => {
    await start([
      {
        onRun: async (run) => {
          run.response.writeHead(200, { 'content-type': 'text/event-stream' });
          for (const part of parts) await new Promise((resolve) => run.response.write(part, resolve));
          run.response.end();
        },
      },
    ]);
    expect(await gateway.streamed()).toEqual({ text, error: undefined, finish: 'stop' });
  });
});
