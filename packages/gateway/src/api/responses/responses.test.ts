import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { finished, type helloScript } from '../../test-support/fake-worker.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../../test-support/start-test-gateway.js';

let gateway: TestGateway;
const start = async (options: TestGatewayOptions = {}): Promise<TestGateway> => {
  gateway = await startTestGateway(options);
  return gateway;
};
const openai = (apiKey = 'none') => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
const request = { model: 'fake/model', input: 'Hi' };
const sentMessages = (index = 0) => JSON.parse(gateway.worker.requests[index]?.messagesJson ?? 'null');
const message = { type: 'message', role: 'assistant', status: 'completed' };
const helloWorld = { type: 'output_text', text: 'Hello world', annotations: [], logprobs: [] };

afterEach(async () => gateway.stop());

describe('POST /v1/responses', () => {
  it('answers the official client in one piece', async () => {
    await start();
    const response = await openai().responses.create({
      ...request,
      instructions: 'Be brief.',
      max_output_tokens: 9,
      temperature: 0.5,
      metadata: { of: 'a test' },
    });
    expect(response.id).toMatch(/^resp_[a-z0-9]{28}$/);
    expect(response.output_text).toBe('Hello world');
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'fake/model',
      error: null,
      incomplete_details: null,
      instructions: 'Be brief.',
      max_output_tokens: 9,
      metadata: { of: 'a test' },
      output: [{ ...message, id: expect.stringMatching(/^msg_/), content: [helloWorld] }],
      parallel_tool_calls: true,
      previous_response_id: null,
      store: true,
      temperature: 0.5,
      text: { format: { type: 'text' } },
      tool_choice: 'auto',
      tools: [],
      top_p: 1,
      truncation: 'disabled',
      usage: { input_tokens: 7, input_tokens_details: { cached_tokens: 3 }, output_tokens: 2, total_tokens: 9 },
    });
    expect(gateway.worker.requests[0]).toMatchObject({ tokensMax: 9, sampling: { temperature: 0.5 } });
    expect(sentMessages()).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ]);
  });

  it('streams to the official client, events in the published order and numbered', async () => {
    await start();
    const stream = openai().responses.stream(request);
    const events: { type: string; sequence_number: number }[] = [];
    for await (const event of stream) events.push(event);
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
    const response = await stream.finalResponse();
    expect(response).toMatchObject({
      status: 'completed',
      output: [{ ...message, content: [helloWorld] }],
      usage: { input_tokens: 7, output_tokens: 2, total_tokens: 9 },
    });
    expect(await openai().responses.retrieve(response.id)).toMatchObject({ output_text: 'Hello world' });
  });

  it('says that an answer was cut, streamed or not', async () => {
    const onSubmit: typeof helloScript = (run) => {
      run.send({ accepted: { promptTokens: 7 } });
      run.send({ tokenIds: [1], text: 'Hel', finished: finished('FINISH_REASON_LENGTH', 1) });
    };
    await start({ fakes: [{ onSubmit }] });
    const cut = {
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete', content: [{ text: 'Hel' }] }],
    };
    expect(await openai().responses.create(request)).toMatchObject(cut);
    const stream = openai().responses.stream(request);
    const types: string[] = [];
    stream.on('event', ({ type }) => types.push(type));
    expect(await stream.finalResponse()).toMatchObject(cut);
    expect(types.at(-1)).toBe('response.incomplete');
  });

  it('gives an empty answer a message too', async () => {
    const onSubmit: typeof helloScript = (run) => {
      run.send({ accepted: { promptTokens: 7 } });
      run.send({ tokenIds: [0], text: '', finished: finished('FINISH_REASON_STOP', 1) });
    };
    await start({ fakes: [{ onSubmit }] });
    const output = [{ ...message, content: [{ text: '' }] }];
    expect(await openai().responses.create(request)).toMatchObject({ output });
    expect(await openai().responses.stream(request).finalResponse()).toMatchObject({ output });
  });

  it('gives log-probabilities to those who want them included', async () => {
    const entry = { tokenId: 1, token: Buffer.from('Hi'), logprob: -0.5, top: [] };
    const onSubmit: typeof helloScript = (run) => {
      run.send({ accepted: { promptTokens: 7 } });
      run.send({ tokenIds: [1], text: 'Hi', logprobs: [{ ...entry, top: [entry] }] });
      run.send({ finished: finished('FINISH_REASON_STOP', 1) });
    };
    await start({ fakes: [{ onSubmit }] });
    const shown = { token: 'Hi', bytes: [72, 105], logprob: -0.5 };
    const content = [{ text: 'Hi', logprobs: [{ ...shown, top_logprobs: [shown] }] }];
    const asked = { ...request, include: ['message.output_text.logprobs' as const], top_logprobs: 1 };
    expect(await openai().responses.create(asked)).toMatchObject({ output: [{ content }] });
    expect(await openai().responses.stream(asked).finalResponse()).toMatchObject({ output: [{ content }] });
    expect(gateway.worker.requests[0]).toMatchObject({ logprobs: true, logprobsTop: 1 });
  });

  it('gives the worker items of every kind as chat messages', async () => {
    await start();
    await openai().responses.create({
      ...request,
      input: [
        { role: 'developer', content: 'Be kind.' },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Weather?' }] },
        { role: 'assistant', content: 'I look.' },
        { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Rome"}' },
        { type: 'function_call', call_id: 'call_2', name: 'weather', arguments: '{}' },
        { type: 'function_call_output', call_id: 'call_1', output: '20 °C' },
        { type: 'function_call_output', call_id: 'call_2', output: [{ type: 'input_text', text: 'none' }] },
      ],
    });
    const call = (id: string, json: string) => ({
      id,
      type: 'function',
      function: { name: 'weather', arguments: json },
    });
    expect(sentMessages()).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: 'I look.',
        tool_calls: [call('call_1', '{"city":"Rome"}'), call('call_2', '{}')],
      },
      { role: 'tool', content: '20 °C', tool_call_id: 'call_1' },
      { role: 'tool', content: 'none', tool_call_id: 'call_2' },
    ]);
  });

  it.each([
    { change: { input: undefined }, param: 'input', message: 'input: is required' },
    { change: { input: [] }, param: 'input', message: 'must have at least 1 entry' },
    { change: { max_output_tokens: 0 }, param: 'max_output_tokens', message: '0 must be at least 1' },
    { change: { max_output_tokens: 999 }, param: 'max_output_tokens', message: '999 must be at most 256' },
    { change: { background: true }, param: 'background', message: 'true is not supported' },
    { change: { reasoning: { effort: 'low' } }, param: 'reasoning', message: 'an object is not supported' },
    { change: { truncation: 'auto' }, param: 'truncation', message: '"auto" is not supported' },
    { change: { conversation: 'conv_1' }, param: 'conversation', message: 'is not supported' },
    { change: { top_logprobs: 2 }, param: 'top_logprobs', message: 'must come with include' },
    { change: { metadata: { a: 1 } }, param: 'metadata.a', message: '1 must be a string' },
    { change: { max_tokens: 3 }, param: 'max_tokens', message: 'is not a field of this request' },
    {
      change: { input: [{ type: 'item_reference', id: 'msg_1' }] },
      param: 'input[0].type',
      message: '"item_reference" is not supported here',
    },
    {
      change: { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] },
      param: 'input[0].content[0].type',
      message: '"input_image" is not supported here, only "input_text"',
    },
    {
      change: { input: [{ type: 'function_call_output', call_id: 'call_9', output: 'x' }] },
      param: 'input[0].call_id',
      message: '"call_9" must be the call_id of a function_call in front of it',
    },
  ])('refuses $param with "$message"', async ({ change, param, message: problem }) => {
    await start();
    const response = await gateway.post('/v1/responses', { ...request, ...change });
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { param: string; message: string } };
    expect(error).toMatchObject({ type: 'invalid_request_error', param });
    expect(error.message).toContain(problem);
  });

  it('tells of a failure within an answer in two events, the response being one of them', async () => {
    const onSubmit: typeof helloScript = (run) => {
      run.send({ accepted: { promptTokens: 7 } }, { tokenIds: [1], text: 'Hel' });
      run.send({ failed: { code: 'internal', message: 'broke off' } });
    };
    await start({ fakes: [{ onSubmit }] });
    const events: { type: string; sequence_number: number }[] = [];
    for await (const event of await openai().responses.create({ ...request, stream: true })) events.push(event);
    expect(events.slice(-2)).toMatchObject([
      { type: 'error', code: 'internal', message: 'broke off', param: null },
      {
        type: 'response.failed',
        response: { status: 'failed', error: { code: 'server_error', message: 'broke off' } },
      },
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
  });
});

describe('a response that is kept', () => {
  it('is what the next one goes on behind, and is as it was', async () => {
    await start();
    const first = await openai().responses.create({ ...request, instructions: 'Be brief.' });
    const second = await openai().responses.create({ ...request, input: 'And?', previous_response_id: first.id });
    const third = await openai().responses.create({
      ...request,
      instructions: 'Be long.',
      input: 'So?',
      previous_response_id: second.id,
      stream: false,
    });
    const answer = { role: 'assistant', content: 'Hello world' };
    expect(sentMessages(1)).toEqual([{ role: 'user', content: 'Hi' }, answer, { role: 'user', content: 'And?' }]);
    expect(sentMessages(2)).toEqual([
      { role: 'system', content: 'Be long.' },
      { role: 'user', content: 'Hi' },
      answer,
      { role: 'user', content: 'And?' },
      answer,
      { role: 'user', content: 'So?' },
    ]);
    expect(third.previous_response_id).toBe(second.id);
    expect(await openai().responses.retrieve(third.id)).toEqual(third);
  });

  it('lists its input, all pages of it, with ids', async () => {
    await start();
    const first = await openai().responses.create(request);
    const second = await openai().responses.create({ ...request, input: 'And?', previous_response_id: first.id });
    const items = [];
    for await (const item of openai().responses.inputItems.list(second.id, { order: 'asc', limit: 2 }))
      items.push(item);
    expect(items).toMatchObject([
      { role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      { id: first.output[0]?.id, role: 'assistant' },
      { role: 'user', content: [{ type: 'input_text', text: 'And?' }] },
    ]);
    expect(new Set(items.map(({ id }) => id)).size).toBe(3);
    const newest = await openai().responses.inputItems.list(second.id, { limit: 1 });
    expect(newest.data).toMatchObject([{ content: [{ text: 'And?' }] }]);
  });

  it('is gone once it was deleted', async () => {
    await start();
    const { id } = await openai().responses.create(request);
    await openai().responses.delete(id);
    await expect(openai().responses.retrieve(id)).rejects.toMatchObject({ status: 404, code: 'not_found' });
    await expect(openai().responses.delete(id)).rejects.toMatchObject({ status: 404 });
    const next = openai().responses.create({ ...request, previous_response_id: id });
    await expect(next).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    });
  });

  it('is its caller’s alone', async () => {
    await start();
    const { id } = await openai('ann').responses.create(request);
    await expect(openai('bob').responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
    await expect(openai('bob').responses.delete(id)).rejects.toMatchObject({ status: 404 });
    await expect(openai('bob').responses.inputItems.list(id)).rejects.toMatchObject({ status: 404 });
    const next = openai('bob').responses.create({ ...request, previous_response_id: id });
    await expect(next).rejects.toMatchObject({ code: 'previous_response_not_found' });
    expect((await openai('ann').responses.retrieve(id)).id).toBe(id);
  });

  it('is not there where it was not to be stored, or nobody ever made it', async () => {
    await start();
    const response = await openai().responses.create({ ...request, store: false });
    expect(response).toMatchObject({ store: false });
    for (const unknown of [response.id, 'resp_1', 'x', '../x']) {
      await expect(openai().responses.retrieve(unknown)).rejects.toMatchObject({ status: 404 });
    }
  });

  it('cannot be cancelled, nor streamed again', async () => {
    await start();
    const { id } = await openai().responses.create(request);
    await expect(openai().responses.cancel(id)).rejects.toMatchObject({ status: 400, param: 'background' });
    const again = openai().responses.retrieve(id, { stream: true });
    await expect(again).rejects.toMatchObject({ status: 400, param: 'stream' });
    const strange = openai().responses.inputItems.list(id, { limit: 0 });
    await expect(strange).rejects.toMatchObject({ status: 400, param: 'limit' });
  });
});
