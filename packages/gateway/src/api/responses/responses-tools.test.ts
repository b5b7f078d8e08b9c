import type { TokenizeRequest } from '@sluice/proto';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../../test-support/start-test-gateway.js';
import { writeText } from '../../test-support/write-text.js';

let gateway: TestGateway;
afterEach(async () => gateway.stop());

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const weather = { type: 'function' as const, name: 'weather', description: 'Tells it', parameters, strict: false };
const request = { model: 'fake/model', input: 'Oslo?', tools: [weather] };
const call = (city: string) => `<tool_call>\n{"name": "weather", "arguments": {"city": "${city}"}}\n</tool_call>`;
const sent = (index = 0) => gateway.worker.requests[index]!;

async function start(text: string, reason?: Parameters<typeof writeText>[1]): Promise<OpenAI> {
  gateway = await startTestGateway({ fakes: [{ onSubmit: writeText(text, reason) }] });
  return new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
}

describe('a model that calls a function, for POST /v1/responses', () => {
  const item = { type: 'function_call', name: 'weather', status: 'completed', arguments: '{"city": "Oslo"}' };

  it('gives the official client its items, streamed or not', async () => {
    const openai = await start(`I look.\n${call('Oslo')}`);
    const output = [{ type: 'message', content: [{ text: 'I look.' }] }, item];
    const whole = await openai.responses.create(request);
    expect(whole).toMatchObject({ status: 'completed', output, tools: [weather], tool_choice: 'auto' });
    const stream = openai.responses.stream(request);
    const events: { type: string; output_index?: number }[] = [];
    for await (const event of stream) events.push(event);
    expect(await stream.finalResponse()).toMatchObject({ status: 'completed', output });
    const types = events.map(({ type }) => type).filter((type) => !type.endsWith('.delta'));
    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.some(({ type }) => type === 'response.function_call_arguments.delta')).toBe(true);
  });

  it('has items with ids of their own', async () => {
    const openai = await start(`I look.\n${call('Oslo')}\n${call('Rome')}`);
    for (const response of [
      await openai.responses.create(request),
      await openai.responses.stream(request).finalResponse(),
    ]) {
      expect(new Set(response.output.map(({ id }) => id)).size).toBe(3);
    }
  });

  it('says of the last item alone that it was cut', async () => {
    const openai = await start(`I look.\n${call('Oslo')}\n${call('Rome').slice(0, -20)}`, 'FINISH_REASON_LENGTH');
    const statuses = ['completed', 'completed', 'incomplete'];
    for (const response of [
      await openai.responses.create(request),
      await openai.responses.stream(request).finalResponse(),
    ]) {
      expect(response.status).toBe('incomplete');
      expect(response.output.map((each) => ('status' in each ? each.status : ''))).toEqual(statuses);
    }
  });

  it('goes on behind its own call when the output comes', async () => {
    const openai = await start(call('Oslo'));
    const first = await openai.responses.create(request);
    const [made] = first.output;
    expect(made).toMatchObject(item);
    const call_id = made?.type === 'function_call' ? made.call_id : '';
    const output = { type: 'function_call_output' as const, call_id, output: '20 °C' };
    await openai.responses.create({ ...request, previous_response_id: first.id, input: [output] });
    expect(JSON.parse(sent(1).messagesJson ?? '')).toEqual([
      { role: 'user', content: 'Oslo?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: call_id, type: 'function', function: { name: 'weather', arguments: '{"city": "Oslo"}' } }],
      },
      { role: 'tool', content: '20 °C', tool_call_id: call_id },
    ]);
  });

  it('takes its answers back as the helpers of the official client give them out', async () => {
    const openai = await start(`I look.\n${call('Oslo')}`);
    const { output } = await openai.responses
      .stream({ ...request, tools: [{ ...weather, strict: true }] })
      .finalResponse();
    expect(output[1]).toMatchObject({ parsed_arguments: { city: 'Oslo' } });
    const made = output[1]?.type === 'function_call' ? output[1].call_id : '';
    const result = { type: 'function_call_output' as const, call_id: made, output: '20 °C' };
    // Its types of what comes and what goes differ in items that are never there.
    const answer = output as OpenAI.Responses.ResponseInput;
    await openai.responses.create({ ...request, input: [{ role: 'user', content: 'Oslo?' }, ...answer, result] });
    expect(JSON.parse(sent(1).messagesJson ?? '')).toMatchObject([
      { role: 'user' },
      { role: 'assistant', content: 'I look.', tool_calls: [{ id: made }] },
      { role: 'tool', content: '20 °C', tool_call_id: made },
    ]);
  });

  it.each([
    { change: { tool_choice: 'required' as const }, isForced: true },
    { change: { tool_choice: { type: 'function' as const, name: 'weather' } }, isForced: true },
    { change: { parallel_tool_calls: false }, isForced: true },
    { change: { tools: [{ ...weather, strict: true }] }, isForced: true },
    { change: { tools: [{ ...weather, strict: null }] }, isForced: true },
    { change: {}, isForced: false },
  ])('holds the answer to $change', async ({ change, isForced }) => {
    const openai = await start(call('Oslo'));
    await openai.responses.create({ ...request, ...change });
    expect(sent().constraint?.form ?? 'none').toBe(isForced ? 'structuralTag' : 'none');
  });

  it.each([
    { change: { tools: [{ type: 'web_search' }] }, param: 'tools[0].type' },
    { change: { tools: [{ type: 'function', name: '' }] }, param: 'tools[0].name' },
    { change: { tool_choice: { type: 'file_search' } }, param: 'tool_choice.type' },
    { change: { tool_choice: { type: 'function', name: 'x' } }, param: 'tool_choice' },
    { change: { tool_choice: 'any' }, param: 'tool_choice' },
  ])('refuses $change', async ({ change, param }) => {
    await start('');
    const response = await gateway.post('/v1/responses', { ...request, ...change });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param } });
  });
});

describe('the form of an answer, for POST /v1/responses', () => {
  it('is what text.format says', async () => {
    const openai = await start('{}');
    const format = { type: 'json_schema' as const, name: 'thing', schema: parameters, strict: true };
    const { text } = await openai.responses.create({ model: 'fake/model', input: 'x', text: { format } });
    expect(text).toMatchObject({ format });
    expect(sent().constraint).toMatchObject({ jsonSchema: JSON.stringify(parameters) });
    await openai.responses.create({ model: 'fake/model', input: 'x', text: { format: { type: 'json_object' } } });
    expect(sent(1).constraint).toMatchObject({ jsonObject: true });
  });

  it('cannot be one that takes a stack to write', async () => {
    await start('{}');
    const deep = `${'{"items":'.repeat(60_000)}{}${'}'.repeat(60_000)}`;
    const body = `{"input":"x","text":{"format":{"type":"json_schema","name":"thing","schema":${deep}}}}`;
    const response = await gateway.post('/v1/responses', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: 'text.format.schema' } });
  });
});

describe('POST /v1/responses/input_tokens', () => {
  it('counts what the model would read, earlier responses and tools included', async () => {
    const asked: TokenizeRequest[] = [];
    const onTokenize = (each: TokenizeRequest) => {
      asked.push(each);
      return { ids: [5, 6, 7] };
    };
    gateway = await startTestGateway({ fakes: [{ onTokenize, onSubmit: writeText('Hm.') }] });
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const { id } = await openai.responses.create(request);
    const next = { ...request, input: 'And?', previous_response_id: id };
    const count = await openai.responses.inputTokens.count(next);
    expect(count).toEqual({ object: 'response.input_tokens', input_tokens: 3 });
    await openai.responses.create(next);
    expect(asked[0]).toMatchObject({ messagesJson: sent(1).messagesJson, toolsJson: sent(1).toolsJson });
    const response = await gateway.post('/v1/responses/input_tokens', { ...next, stream: true });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: 'stream' } });
  });
});
