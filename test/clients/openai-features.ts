import type OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClientServer } from './client-server.js';
import { openaiOf } from './openai-client.js';
import { capital, citySchema, isCity, isPerson, person, personSchema, weather } from './shapes.js';

const getWeather = {
  type: 'function' as const,
  function: { name: 'get_weather', description: 'The weather of a city', parameters: citySchema },
};
const personFormat = {
  type: 'json_schema' as const,
  json_schema: { name: 'person', strict: true, schema: personSchema },
};

/** The official client for Node: several answers, tools, forms, vectors, and responses. */
export function openaiFeatures(server: () => ClientServer): void {
  let client: OpenAI;
  let model: string;
  beforeAll(() => {
    client = openaiOf(server());
    model = server().model;
  });

  describe('several answers through openai for Node', () => {
    it('come in one reply, each as it would alone', async () => {
      const wanted = { model, messages: capital, max_tokens: 8, temperature: 1, seed: 7 };
      const reply = await client.chat.completions.create({ ...wanted, n: 3 });
      expect(reply.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
      const again = await client.chat.completions.create({ ...wanted, n: 3 });
      expect(again.choices).toEqual(reply.choices);
      expect(reply.usage?.completion_tokens).toBeGreaterThanOrEqual(3);
    });

    it('stream side by side', async () => {
      const wanted = { model, messages: capital, max_tokens: 8, temperature: 1, seed: 7, n: 3 };
      const whole = await client.chat.completions.create(wanted);
      const texts = ['', '', ''];
      for await (const { choices } of await client.chat.completions.create({ ...wanted, stream: true })) {
        for (const { index, delta } of choices) texts[index] += delta.content ?? '';
      }
      expect(texts).toEqual(whole.choices.map(({ message }) => message.content));
    });

    it('come for each of several prompts', async () => {
      const prompts = ['1, 2, 3, 4,', 'a, b, c, d,'];
      const { choices } = await client.completions.create({ model, prompt: prompts, temperature: 0, max_tokens: 4 });
      expect(choices.map(({ index }) => index)).toEqual([0, 1]);
      expect(choices[0]?.text).toContain('5');
      expect(choices[1]?.text).toContain('e');
    });

    it('have the prompt in front where it is asked for, with its log-probabilities', async () => {
      const wanted = {
        model,
        prompt: 'The capital of France is',
        temperature: 0,
        max_tokens: 1,
        echo: true,
        logprobs: 1,
      };
      const { choices } = await client.completions.create(wanted);
      const { tokens = [], token_logprobs: scores = [], text_offset: offsets } = choices[0]?.logprobs ?? {};
      expect(choices[0]?.text).toMatch(/^The capital of France is/);
      expect(tokens.join('')).toBe(choices[0]?.text);
      expect(scores[0]).toBeNull();
      for (const score of scores.slice(1)) expect(score).toBeLessThanOrEqual(0);
      expect(offsets?.[0]).toBe(0);
    });
  });

  describe('tools through openai for Node', () => {
    it.each([
      ['required', 'required'],
      ['named', { type: 'function', function: { name: 'get_weather' } }],
    ] as const)('%s: the call follows the schema, streamed and not', async (_, tool_choice) => {
      const wanted = { model, messages: weather, tools: [getWeather], tool_choice, temperature: 0, max_tokens: 60 };
      const reply = await client.chat.completions.create(wanted);
      const call = reply.choices[0]?.message.tool_calls?.[0];
      if (call?.type !== 'function') throw new Error(`no call: ${JSON.stringify(reply)}`);
      expect(call.function.name).toBe('get_weather');
      expect(isCity(call.function.arguments)).toBe(true);

      const final = await client.chat.completions.stream(wanted).finalChatCompletion();
      const streamed = final.choices[0]?.message.tool_calls?.[0];
      expect(streamed).toMatchObject({ type: 'function', function: { name: 'get_weather' } });
      expect(streamed?.type === 'function' && streamed.function.arguments).toBe(call.function.arguments);
      expect(final.choices[0]?.finish_reason).toBe(reply.choices[0]?.finish_reason);
    });

    it('take results back into the conversation', async () => {
      const call = {
        id: 'call_1',
        type: 'function' as const,
        function: { name: 'get_weather', arguments: '{"city":"Rome"}' },
      };
      const messages = [
        ...weather,
        { role: 'assistant' as const, content: null, tool_calls: [call] },
        { role: 'tool' as const, tool_call_id: 'call_1', content: 'Sunny, 31 degrees' },
      ];
      const reply = await client.chat.completions.create({ model, messages, tools: [getWeather], max_tokens: 20 });
      expect(reply.usage?.prompt_tokens).toBeGreaterThan(20);
    });
  });

  describe('forms of an answer through openai for Node', () => {
    it('a schema is followed, streamed and not', async () => {
      const wanted = {
        model,
        messages: person,
        response_format: personFormat,
        temperature: 1,
        seed: 3,
        max_tokens: 80,
      };
      const reply = await client.chat.completions.create(wanted);
      const text = reply.choices[0]?.message.content ?? '';
      expect(isPerson(text), text).toBe(true);
      const final = await client.chat.completions.stream(wanted).finalChatCompletion();
      expect(final.choices[0]?.message.content).toBe(text);
    });

    it('a choice is one of those', async () => {
      const extra = { guided_choice: ['yes', 'no'] };
      const reply = await client.chat.completions.create({ model, messages: capital, max_tokens: 8, ...extra });
      expect(['yes', 'no']).toContain(reply.choices[0]?.message.content);
    });
  });

  describe('vectors through openai for Node', () => {
    it('are of length 1, nearer for texts that are alike', async () => {
      const input = ['The cat sat on the mat.', 'A cat is sitting on a mat.', 'Interest rates rose in March.'];
      // The client asks for base64 by itself and decodes it.
      const { data, usage } = await client.embeddings.create({ model, input });
      const [a, b, c] = data.map(({ embedding }) => embedding);
      const dot = (x: readonly number[] = [], y: readonly number[] = []) =>
        x.reduce((sum, each, i) => sum + each * y[i]!, 0);
      expect(dot(a, a)).toBeCloseTo(1, 4);
      expect(dot(a, b)).toBeGreaterThan(dot(a, c));
      expect(usage.prompt_tokens).toBeGreaterThan(15);
      const floats = await client.embeddings.create({ model, input, encoding_format: 'float' });
      expect(floats.data[1]?.embedding[5]).toBeCloseTo(b?.[5] ?? Number.NaN, 6);
    });
  });

  describe('responses through openai for Node', () => {
    const ask = 'What is the capital of France?';

    it('answer, and go on behind an earlier one', async () => {
      const first = await client.responses.create({ model, input: ask, temperature: 0, max_output_tokens: 40 });
      expect(first.status).toBe('completed');
      expect(first.output_text).toContain('Paris');
      const second = await client.responses.create({
        model,
        input: 'And of Italy?',
        previous_response_id: first.id,
        temperature: 0,
        max_output_tokens: 40,
      });
      expect(second.previous_response_id).toBe(first.id);
      expect(second.usage?.input_tokens).toBeGreaterThan(first.usage?.input_tokens ?? 0);
      expect((await client.responses.retrieve(first.id)).output_text).toBe(first.output_text);
      await client.responses.delete(first.id);
      await expect(client.responses.retrieve(first.id)).rejects.toMatchObject({ status: 404 });
    });

    it('stream as events that the helper gathers', async () => {
      const stream = client.responses.stream({ model, input: ask, temperature: 0, max_output_tokens: 40 });
      let text = '';
      const kinds = new Set<string>();
      for await (const event of stream) {
        kinds.add(event.type);
        if (event.type === 'response.output_text.delta') text += event.delta;
      }
      const final = await stream.finalResponse();
      expect(final.output_text).toBe(text);
      expect(text).toContain('Paris');
      expect([...kinds]).toEqual(expect.arrayContaining(['response.created', 'response.completed']));
    });
  });
}
