import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { startUpstreamGateway, type UpstreamGateway } from './test-support/start-upstream-gateway.js';

// APIs that an OpenAI-compatible server behind the gateway need not know.

let gateway: UpstreamGateway;
afterEach(() => gateway.stop());

const anthropic = () => new Anthropic({ baseURL: gateway.url, apiKey: 'none', maxRetries: 0 });
const request = { model: 'fake/model', max_tokens: 5, messages: [{ role: 'user' as const, content: 'Hi' }] };

describe('an OpenAI-compatible server', () => {
  it('answers messages and responses, streamed or not, and what a response goes on behind', async () => {
    gateway = await startUpstreamGateway([{}]);
    const message = { content: [{ type: 'text', text: 'Hello world' }], stop_reason: 'end_turn' };
    expect(await anthropic().messages.create({ ...request, system: 'Be brief.' })).toMatchObject(message);
    expect(await anthropic().messages.stream(request).finalMessage()).toMatchObject(message);
    const { responses } = gateway.client;
    const first = await responses.create({ model: 'fake/model', input: 'Hi' });
    const next = { model: 'fake/model', input: 'And?', previous_response_id: first.id };
    expect((await responses.stream(next).finalResponse()).output).toMatchObject([
      { content: [{ text: 'Hello world' }] },
    ]);
    const [hi, answer] = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello world' },
    ];
    expect(gateway.runs.map(({ body }) => body.messages)).toEqual([
      [{ role: 'system', content: 'Be brief.' }, hi],
      [hi],
      [hi],
      [hi, answer, { role: 'user', content: 'And?' }],
    ]);
  });

  it('gives blocks to who asks for messages with its calls of tools', async () => {
    const pieces = [
      { content: 'I look.' },
      { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'weather', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"Oslo"}' } }] },
    ];
    gateway = await startUpstreamGateway([
      {
        onRun: (run) => {
          run.open();
          for (const delta of pieces) run.event({ choices: [{ index: 0, delta, finish_reason: null }] });
          run.finish('tool_calls');
        },
      },
    ]);
    const tools = [{ name: 'weather', input_schema: { type: 'object' as const } }];
    const message = await anthropic()
      .messages.stream({ ...request, tools })
      .finalMessage();
    expect(message).toMatchObject({
      content: [
        { type: 'text', text: 'I look.' },
        { type: 'tool_use', name: 'weather', input: { city: 'Oslo' } },
      ],
      stop_reason: 'tool_use',
    });
    expect(gateway.runs[0]?.body.tools).toMatchObject([{ type: 'function', function: { name: 'weather' } }]);
  });
});
