import { Ajv } from 'ajv';
import type OpenAI from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { sharedServer } from './shared-server.js';

// The default model is too small to choose tools well, and its template knows none: the grammar makes its calls right.

const parameters = {
  type: 'object',
  properties: {
    city: { type: 'string', description: 'Where', maxLength: 30 },
    days: { type: 'integer', minimum: 1, maximum: 9 },
    unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
  },
  required: ['city', 'days', 'unit'],
  additionalProperties: false,
};
const forecast = { type: 'function', function: { name: 'get_forecast', description: 'Tells the weather', parameters } };
const clock = { type: 'function', function: { name: 'get_time' } };
const tools = [forecast, clock] as OpenAI.ChatCompletionTool[];
const messages: OpenAI.ChatCompletionMessageParam[] = [
  { role: 'user', content: 'What will the weather be in Paris on the next two days?' },
];
const named = { type: 'function', function: { name: 'get_forecast' } } as const;

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 60_000 });

const isForecast = new Ajv().compile(parameters);
const server = sharedServer();

const ask = (fields: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>) =>
  server.client.chat.completions.create({
    model: server.model,
    messages,
    tools,
    temperature: 0,
    max_tokens: 250,
    ...fields,
  });

function argumentsOf(call: OpenAI.ChatCompletionMessageToolCall | undefined): unknown {
  if (call?.type !== 'function') throw new Error('no function was called');
  return JSON.parse(call.function.arguments);
}

describe('A tool that must be called', () => {
  it.each([0, 1])('gets arguments that follow its schema, at temperature %d', async (temperature) => {
    for (const seed of [1, 2, 3]) {
      const { choices } = await ask({ tool_choice: named, temperature, seed });
      expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
      const calls = choices[0]?.message.tool_calls ?? [];
      expect(calls).toMatchObject([{ type: 'function', function: { name: 'get_forecast' } }]);
      expect(isForecast(argumentsOf(calls[0])), JSON.stringify(calls)).toBe(true);
    }
  });

  it('streams the same arguments in pieces', async () => {
    const whole = await ask({ tool_choice: named });
    const stream = server.client.chat.completions.stream({
      model: server.model,
      messages,
      tools,
      tool_choice: named,
      temperature: 0,
      max_tokens: 250,
    });
    const pieces: string[] = [];
    stream.on('tool_calls.function.arguments.delta', ({ arguments_delta }) => pieces.push(arguments_delta));
    const { choices } = await stream.finalChatCompletion();
    expect(choices[0]?.finish_reason).toBe('tool_calls');
    expect(argumentsOf(choices[0]?.message.tool_calls?.[0])).toEqual(
      argumentsOf(whole.choices[0]?.message.tool_calls?.[0]),
    );
    expect(pieces.length).toBeGreaterThan(3);
    expect(choices[0]?.message.content ?? '').toBe('');
  });

  it('is one of those that are there where any will do', async () => {
    const { choices } = await ask({ tool_choice: 'required', parallel_tool_calls: false, temperature: 1, seed: 5 });
    const [call, ...others] = choices[0]?.message.tool_calls ?? [];
    expect(others).toEqual([]);
    expect(call).toMatchObject({ function: { name: expect.stringMatching(/^get_(forecast|time)$/) } });
  });
});

describe('A tool that may be called', () => {
  it('leaves the model its words, strict or not', async () => {
    const strict = [{ ...forecast, function: { ...forecast.function, strict: true } }] as OpenAI.ChatCompletionTool[];
    for (const given of [tools, strict]) {
      const { choices } = await ask({ messages: [{ role: 'user', content: 'What is 2 + 2?' }], tools: given });
      expect(choices[0]?.message.content ?? JSON.stringify(choices[0]?.message.tool_calls)).not.toBe('');
      for (const call of choices[0]?.message.tool_calls ?? []) expect(argumentsOf(call)).toBeTypeOf('object');
    }
  });

  it('is answered by its result, which the model reads', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'get_time', arguments: '{}' } } as const;
    const { choices } = await ask({
      messages: [
        { role: 'user', content: 'What is the secret word?' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: 'The secret word is banana.' },
      ],
      tool_choice: 'none',
    });
    expect(choices[0]?.message.content).toMatch(/banana/i);
  });
});

describe('A schema that no grammar can hold', () => {
  it('is refused by the keyword', async () => {
    const odd = { type: 'object', properties: { a: { not: { type: 'string' } } }, required: ['a'] };
    const tool = { type: 'function', function: { name: 'odd', parameters: odd } } as OpenAI.ChatCompletionTool;
    const refused = ask({ tools: [tool], tool_choice: 'required' });
    await expect(refused).rejects.toMatchObject({ status: 400, param: 'tools', message: expect.stringMatching(/not/) });
  });
});
