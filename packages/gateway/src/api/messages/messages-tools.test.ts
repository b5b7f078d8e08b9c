import Anthropic from '@anthropic-ai/sdk';
import type { TokenizeRequest } from '@sluice/proto';
import { afterEach, describe, expect, it } from 'vitest';
import type { finished } from '../../test-support/fake-worker.js';
import { startTestGateway, type TestGateway } from '../../test-support/start-test-gateway.js';
import { writeText } from '../../test-support/write-text.js';

let gateway: TestGateway;
afterEach(async () => gateway.stop());

const input_schema = { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] };
const tools = [{ name: 'weather', description: 'Tells it', input_schema }];
const request = { model: 'fake/model', max_tokens: 99, tools, messages: [{ role: 'user' as const, content: 'Oslo?' }] };
const call = (city: string) => `<tool_call>\n{"name": "weather", "arguments": {"city": "${city}"}}\n</tool_call>`;

async function start(text: string, reason?: Parameters<typeof finished>[0]): Promise<Anthropic> {
  gateway = await startTestGateway({ fakes: [{ onSubmit: writeText(text, reason) }] });
  return new Anthropic({ baseURL: gateway.url, apiKey: 'none', maxRetries: 0 });
}
const sent = () => gateway.worker.requests[0]!;

describe('a model that uses a tool, for POST /v1/messages', () => {
  const content = [
    { type: 'text', text: 'I look.' },
    { type: 'tool_use', id: expect.stringMatching(/./), name: 'weather', input: { city: 'Oslo' } },
    { type: 'tool_use', id: expect.stringMatching(/./), name: 'weather', input: { city: 'Rome' } },
  ];

  it('gives the official client its blocks, streamed or not', async () => {
    const anthropic = await start(`I look.\n${call('Oslo')}\n${call('Rome')}`);
    const whole = await anthropic.messages.create(request);
    expect(whole).toMatchObject({ content, stop_reason: 'tool_use' });
    expect(whole.content).toHaveLength(3);
    const stream = anthropic.messages.stream(request);
    const types: string[] = [];
    stream.on('streamEvent', (event) => {
      if (event.type !== 'content_block_delta') types.push(event.type);
    });
    const streamed = await stream.finalMessage();
    expect(streamed).toMatchObject({ content, stop_reason: 'tool_use' });
    expect(streamed.content).toHaveLength(3);
    const block = ['content_block_start', 'content_block_stop'];
    expect(types).toEqual(['message_start', ...block, ...block, ...block, 'message_delta', 'message_stop']);
    const [tool] = JSON.parse(sent().toolsJson);
    expect(tool).toEqual({
      type: 'function',
      function: { name: 'weather', description: 'Tells it', parameters: input_schema },
    });
  });

  it('begins with no empty text where there is none', async () => {
    const anthropic = await start(call('Oslo'));
    expect((await anthropic.messages.create(request)).content).toMatchObject([content[1]]);
    expect((await anthropic.messages.stream(request).finalMessage()).content).toMatchObject([content[1]]);
  });

  it('shows arguments that were cut as what they are', async () => {
    const anthropic = await start(call('Oslo').slice(0, -20), 'FINISH_REASON_LENGTH');
    expect(await anthropic.messages.create(request)).toMatchObject({
      content: [{ type: 'tool_use', name: 'weather', input: { INVALID_JSON: expect.stringMatching(/^\{"city"/) } }],
      stop_reason: 'max_tokens',
    });
  });

  it.each([
    { tool_choice: { type: 'any' as const }, isForced: true },
    { tool_choice: { type: 'tool' as const, name: 'weather' }, isForced: true },
    { tool_choice: { type: 'auto' as const, disable_parallel_tool_use: true }, isForced: true },
    { tool_choice: { type: 'auto' as const }, isForced: false },
  ])('holds the answer to $tool_choice', async ({ tool_choice, isForced }) => {
    const anthropic = await start(call('Oslo'));
    await anthropic.messages.create({ ...request, tool_choice });
    expect(sent().constraint?.form ?? 'none').toBe(isForced ? 'structuralTag' : 'none');
  });

  it('is not told of tools that it may not use', async () => {
    const anthropic = await start('No.');
    await anthropic.messages.create({ ...request, tool_choice: { type: 'none' } });
    expect(sent().toolsJson).toBe('');
  });

  it.each([
    { change: { tools: [{ type: 'bash_20250124', name: 'bash' }] }, message: 'tools[0].type: "bash_20250124" is not' },
    { change: { tools: [{ name: 'a b', input_schema }] }, message: 'tools[0].name: "a b" must have 1 to 64 letters' },
    { change: { tools: [{ name: 'a' }] }, message: 'tools[0].input_schema: is required' },
    { change: { tool_choice: { type: 'tool', name: 'x' } }, message: 'tool_choice: "x" must be one of the tools' },
    { change: { tool_choice: 'auto' }, message: 'tool_choice: "auto" must be an object' },
    { change: { tools: [], tool_choice: { type: 'any' } }, message: 'tool_choice' },
  ])('refuses with $message', async ({ change, message }) => {
    await start('');
    const response = await gateway.post('/v1/messages', { ...request, ...change });
    const { error } = (await response.json()) as { error: { message: string } };
    expect(response.status).toBe(400);
    expect(error.message).toContain(message);
  });
});

describe('the form of an answer, for POST /v1/messages', () => {
  it('is what a schema says', async () => {
    const anthropic = await start('{}');
    const schema = { type: 'object', properties: {}, additionalProperties: false };
    await anthropic.messages.create({
      ...request,
      tools: [],
      output_config: { format: { type: 'json_schema', schema } },
    });
    expect(sent().constraint).toMatchObject({ jsonSchema: JSON.stringify(schema) });
  });

  it('goes on from what a last message of the assistant begins', async () => {
    const anthropic = await start(' 20 °C');
    const begun = [...request.messages, { role: 'assistant' as const, content: 'It is' }];
    const { content } = await anthropic.messages.create({ ...request, messages: begun });
    expect(content).toMatchObject([{ text: ' 20 °C' }]);
    expect(sent().continueFinalMessage).toBe(true);
  });
});

describe('POST /v1/messages/count_tokens', () => {
  it('counts what the model would read, tools included', async () => {
    const asked: TokenizeRequest[] = [];
    const onTokenize = (request: TokenizeRequest) => {
      asked.push(request);
      return { ids: [5, 6, 7] };
    };
    gateway = await startTestGateway({ fakes: [{ onTokenize }] });
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: 'none', maxRetries: 0 });
    const { max_tokens: _, ...prompt } = request;
    expect(await anthropic.messages.countTokens({ ...prompt, system: 'Be brief.' })).toEqual({ input_tokens: 3 });
    await anthropic.messages.create({ ...request, system: 'Be brief.' });
    expect(asked[0]).toMatchObject({ messagesJson: sent().messagesJson, toolsJson: sent().toolsJson });
  });

  it('refuses in the shape of its API', async () => {
    await start('');
    const response = await gateway.post('/v1/messages/count_tokens', request);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', message: 'max_tokens: is not a field of this request' },
    });
    const unknown = await gateway.post('/v1/messages/count_tokens', { model: 'x', messages: request.messages });
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
  });
});
