import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { makeKey } from '../../auth/api-keys.js';
import { finished, type helloScript } from '../../test-support/fake-worker.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../../test-support/start-test-gateway.js';

let gateway: TestGateway;
const start = async (options: TestGatewayOptions = {}): Promise<TestGateway> => {
  gateway = await startTestGateway(options);
  return gateway;
};
const anthropic = () => new Anthropic({ baseURL: gateway.url, apiKey: 'none', maxRetries: 0 });
const request = { model: 'fake/model', max_tokens: 9, messages: [{ role: 'user' as const, content: 'Hi' }] };
/** What the API takes and its newest client does not name. */
const sampling = { temperature: 0.5, top_k: 3, top_p: 0.9 };
const sentMessages = (index = 0) => JSON.parse(gateway.worker.requests[index]?.messagesJson ?? 'null');

afterEach(async () => gateway.stop());

describe('POST /v1/messages', () => {
  it('answers the official client in one piece', async () => {
    await start();
    const message = await anthropic().messages.create({
      ...request,
      system: 'Be brief.',
      ...sampling,
      stop_sequences: ['END'],
      metadata: { user_id: 'somebody' },
    });
    expect(message.id).toMatch(/^msg_[a-z0-9]{28}$/);
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'fake/model',
      content: [{ type: 'text', text: 'Hello world' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 4, cache_read_input_tokens: 3, cache_creation_input_tokens: 0, output_tokens: 2 },
    });
    expect(message._request_id).toMatch(/^req-/);
    expect(gateway.worker.requests[0]).toMatchObject({
      tokensMax: 9,
      stopStrings: ['END'],
      sampling: { temperature: 0.5, topP: expect.closeTo(0.9), topK: 3 },
    });
    expect(sentMessages()).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ]);
  });

  it('streams to the official client, events in the published order', async () => {
    await start();
    const stream = anthropic().messages.stream(request);
    const types: string[] = [];
    stream.on('streamEvent', (event) => {
      types.push(event.type);
      if (event.type === 'message_start') expect(event.message.usage.input_tokens).toBe(7);
    });
    const message = await stream.finalMessage();
    expect(types).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(message).toMatchObject({
      content: [{ type: 'text', text: 'Hello world' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 4, cache_read_input_tokens: 3, output_tokens: 2 },
    });
  });

  it.each([
    { reason: 'FINISH_REASON_LENGTH', stopString: '', expected: { stop_reason: 'max_tokens', stop_sequence: null } },
    {
      reason: 'FINISH_REASON_STOP',
      stopString: 'END',
      expected: { stop_reason: 'stop_sequence', stop_sequence: 'END' },
    },
  ] as const)('says that it stopped for $expected.stop_reason', async ({ reason, stopString, expected }) => {
    const onSubmit: typeof helloScript = (run) => {
      run.send({ accepted: { promptTokens: 7 } });
      run.send({ tokenIds: [1], text: 'Hi', finished: { ...finished('FINISH_REASON_STOP', 1), reason, stopString } });
    };
    await start({ fakes: [{ onSubmit }] });
    expect(await anthropic().messages.create(request)).toMatchObject(expected);
    expect(await anthropic().messages.stream(request).finalMessage()).toMatchObject(expected);
  });

  it('gives the worker blocks, results of tools and neighbours of one role as chat messages', async () => {
    await start();
    await anthropic().messages.create({
      ...request,
      system: [
        { type: 'text', text: 'One.', cache_control: { type: 'ephemeral' } },
        { type: 'text', text: 'Two.' },
      ],
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Weather?' }] },
        { role: 'user', content: 'In Rome.' },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'I look.' },
            { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Rome' } },
            { type: 'tool_use', id: 'toolu_2', name: 'time', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: '20 °C' }] },
            { type: 'tool_result', tool_use_id: 'toolu_2', content: 'unreachable', is_error: true },
            { type: 'text', text: 'And?' },
          ],
        },
      ],
    });
    expect(sentMessages()).toEqual([
      { role: 'system', content: 'One.\nTwo.' },
      { role: 'user', content: 'Weather?\nIn Rome.' },
      {
        role: 'assistant',
        content: 'I look.',
        tool_calls: [
          { id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
          { id: 'toolu_2', type: 'function', function: { name: 'time', arguments: '{}' } },
        ],
      },
      { role: 'tool', content: '20 °C', tool_call_id: 'toolu_1' },
      { role: 'tool', content: 'Error: unreachable', tool_call_id: 'toolu_2' },
      { role: 'user', content: 'And?' },
    ]);
  });

  it.each([
    { change: { max_tokens: undefined }, message: 'max_tokens: is required' },
    { change: { max_tokens: 0 }, message: 'max_tokens: 0 must be at least 1' },
    { change: { max_tokens: 999 }, message: "max_tokens: 999 must be at most 256, the model's context" },
    { change: { temperature: 1.5 }, message: 'temperature: 1.5 must be at most 1' },
    { change: { thinking: { type: 'enabled', budget_tokens: 1024 } }, message: 'thinking: an object is not supported' },
    { change: { n: 2 }, message: 'n: is not a field of this request' },
    { change: { messages: [{ role: 'tool', content: 'x' }] }, message: /^messages\[0\]\.role: "tool" must be one of/ },
    {
      change: { messages: [{ role: 'user', content: [{ type: 'image', source: {} }] }] },
      message: 'messages[0].content[0].type: "image" is not supported here, only "text" and "tool_result"',
    },
    {
      change: { messages: [{ role: 'user', content: [{ type: 'text', text: 5 }] }] },
      message: 'messages[0].content[0].text: 5 must be a string',
    },
    {
      change: { messages: [{ role: 'user', content: [{ type: 'tool_result', content: 'x' }] }] },
      message: 'messages[0].content[0].tool_use_id: is required',
    },
    { change: { messages: ['x'] }, message: 'messages[0]: "x" must be an object' },
    {
      change: { messages: [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: 'y' }] }] },
      message: 'messages[0].content[0].tool_use_id: "x" must be the id of a tool_use in front of it',
    },
    { change: { system: [5] }, message: 'system[0]: 5 must be an object' },
  ])('refuses with $message', async ({ change, message }) => {
    await start();
    const response = await gateway.post('/v1/messages', { ...request, ...change });
    expect(response.status).toBe(400);
    const told = expect.objectContaining({ type: 'invalid_request_error' });
    const body = (await response.json()) as { error: { message: string } };
    expect(body).toEqual({ type: 'error', error: told, request_id: response.headers.get('request-id') });
    expect(body.error.message).toMatch(message);
  });
});

describe('errors of /v1/messages', () => {
  it.each([
    { what: 'a body that is no JSON', path: '', body: '{', status: 400, type: 'invalid_request_error' },
    { what: 'an unknown model', path: '', body: { ...request, model: 'x' }, status: 404, type: 'not_found_error' },
    { what: 'an unknown path', path: '/batches', body: {}, status: 404, type: 'not_found_error' },
  ])('have its shape for $what', async ({ path, body, status, type }) => {
    await start();
    const response = await gateway.post(`/v1/messages${path}`, body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type } });
  });

  it('are what the official client tells apart', async () => {
    await start({
      fakes: [{ onSubmit: (run) => run.send({ failed: { code: 'engine_failed', message: 'no pass' } }) }],
    });
    const failure = await anthropic()
      .messages.create(request)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Anthropic.InternalServerError);
    expect(failure).toMatchObject({ status: 500, type: 'api_error', apiMessage: 'no pass' });
  });

  it('tell who is not let in, and who has asked too often', async () => {
    const { key, ...proof } = makeKey(new Uint8Array(32).fill(3), new Uint8Array(8).fill(4));
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-messages-'));
    const keysFile = path.join(folder, 'keys.json');
    const entry = { name: 'ann', ...proof, scopes: ['inference', 'metrics'], requestsPerMinute: 1 };
    writeFileSync(keysFile, JSON.stringify({ keys: [entry] }));
    await start({ keysFile, probeHeaders: { 'x-api-key': key } });
    const ask = (apiKey: string): Promise<unknown> =>
      new Anthropic({ baseURL: gateway.url, apiKey, maxRetries: 0 }).messages.create(request);
    await expect(ask('wrong')).rejects.toMatchObject({ status: 401, type: 'authentication_error' });
    expect(await ask(key)).toMatchObject({ content: [{ text: 'Hello world' }] });
    expect(gateway.worker.requests[0]?.terms?.client).toBe('ann');
    const failure = await ask(key).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Anthropic.RateLimitError);
    expect(failure).toMatchObject({ status: 429, type: 'rate_limit_error' });
    rmSync(folder, { recursive: true });
  });

  it('come as an event once an answer has begun', async () => {
    const onSubmit: typeof helloScript = (run) => {
      run.send({ accepted: { promptTokens: 7 } }, { tokenIds: [1], text: 'Hel' });
      run.send({ failed: { code: 'internal', message: 'broke off' } });
    };
    await start({ fakes: [{ onSubmit }] });
    const stream = anthropic().messages.stream(request);
    await expect(stream.finalMessage()).rejects.toMatchObject({ type: 'api_error', apiMessage: 'broke off' });
  });

  it('refuse to take a stream up again', async () => {
    await start();
    const headers = { 'content-type': 'application/json', 'last-event-id': '6WbTqPZ0w1m3kqE2sZr4Jg.17' };
    const response = await gateway.post('/v1/messages', { ...request, stream: true }, { headers });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('last-event-id') } });
  });
});
