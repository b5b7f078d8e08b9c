import Anthropic from '@anthropic-ai/sdk';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClientServer } from './client-server.js';
import { capital, citySchema, isCity, weather } from './shapes.js';

const getWeather = { name: 'get_weather', description: 'The weather of a city', input_schema: citySchema };

/** The official client of Anthropic's API for Node. */
export function anthropicClient(server: () => ClientServer): void {
  let client: Anthropic;
  let model: string;
  /** What the API takes and its newest client does not name. */
  const greedy = { temperature: 0 };
  beforeAll(() => {
    client = new Anthropic({ baseURL: server().url, apiKey: server().key, maxRetries: 0, timeout: 60_000 });
    model = server().model;
  });

  describe('@anthropic-ai/sdk', () => {
    it('gets a message in one piece', async () => {
      const message = await client.messages.create({ model, messages: capital, max_tokens: 40, ...greedy });
      expect(message.content[0]).toMatchObject({ type: 'text', text: expect.stringContaining('Paris') });
      expect(message.stop_reason).toBe('end_turn');
    });

    it('gathers the same from a stream with its helper', async () => {
      const request = { model, messages: capital, max_tokens: 40, ...greedy };
      const whole = await client.messages.create(request);
      const stream = client.messages.stream(request);
      let text = '';
      stream.on('text', (delta) => {
        text += delta;
      });
      const final = await stream.finalMessage();
      expect(final.content).toEqual(whole.content);
      expect(whole.content[0]).toMatchObject({ text });
      expect(final.usage.output_tokens).toBe(whole.usage.output_tokens);
    });

    it('counts the tokens that a message then has', async () => {
      const { input_tokens } = await client.messages.countTokens({ model, messages: capital, system: 'Be brief.' });
      const message = await client.messages.create({ model, messages: capital, system: 'Be brief.', max_tokens: 1 });
      const { input_tokens: read, cache_read_input_tokens: cached } = message.usage;
      expect(input_tokens).toBe(read + (cached ?? 0));
    });

    it.each([
      // One call: how many a small model goes on to make changes with every rounding of its weights.
      ['any', { type: 'any', disable_parallel_tool_use: true }],
      ['a named one', { type: 'tool', name: 'get_weather' }],
    ] as const)('calls %s of its tools, streamed and not', async (_, tool_choice) => {
      const request = { model, messages: weather, tools: [getWeather], tool_choice, max_tokens: 80, ...greedy };
      const message = await client.messages.create(request);
      const use = message.content.find(({ type }) => type === 'tool_use');
      if (use?.type !== 'tool_use') throw new Error(`no call: ${JSON.stringify(message)}`);
      expect(use.name).toBe('get_weather');
      expect(isCity(JSON.stringify(use.input))).toBe(true);
      expect(message.stop_reason).toBe('tool_use');
      const final = await client.messages.stream(request).finalMessage();
      expect(final.content.find(({ type }) => type === 'tool_use')).toMatchObject({ name: use.name, input: use.input });
    });

    it('leaves early, and the worker stops', async () => {
      const before = await server().cancelled();
      const story = [{ role: 'user' as const, content: 'Write a very long story about a lock-keeper.' }];
      const stream = client.messages.stream({ model, messages: story, max_tokens: 900 });
      const leave = async () => {
        for await (const event of stream) if (event.type === 'content_block_delta') stream.abort();
      };
      await expect(leave()).rejects.toThrow(Anthropic.APIUserAbortError);
      await server().untilCancelled(before + 1);
    });

    it('gets errors as its own classes', async () => {
      const create = (fields: object, through = client) =>
        through.messages.create({ model, messages: capital, max_tokens: 1, ...fields });
      await expect(create({ temperature: -1 })).rejects.toThrow(Anthropic.BadRequestError);
      await expect(create({ temperature: -1 })).rejects.toThrow(/temperature/);
      await expect(create({ model: 'claude-9' })).rejects.toThrow(Anthropic.NotFoundError);
      await expect(create({}, client.withOptions({ apiKey: 'wrong' }))).rejects.toThrow(Anthropic.AuthenticationError);
    });
  });
}
