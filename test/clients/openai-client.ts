import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClientServer } from './client-server.js';
import { capital } from './shapes.js';

/** The official client for Node: answers, streams, errors, and leaving early. */
export function openaiClient(server: () => ClientServer): void {
  let client: OpenAI;
  let model: string;
  beforeAll(() => {
    client = openaiOf(server());
    model = server().model;
  });

  describe('openai for Node', () => {
    it('gets an answer in one piece', async () => {
      const reply = await client.chat.completions.create({ model, messages: capital, temperature: 0, max_tokens: 40 });
      expect(reply.choices[0]?.message).toMatchObject({ role: 'assistant', content: expect.stringContaining('Paris') });
      expect(reply.choices[0]?.finish_reason).toBe('stop');
    });

    it('gathers a stream with its helper', async () => {
      const request = { model, messages: capital, temperature: 0, max_tokens: 40 };
      const whole = await client.chat.completions.create(request);
      const stream = client.chat.completions.stream({ ...request, stream_options: { include_usage: true } });
      let text = '';
      stream.on('content', (delta) => {
        text += delta;
      });
      const final = await stream.finalChatCompletion();
      expect(text).toBe(whole.choices[0]?.message.content);
      expect(final.choices[0]?.message.content).toBe(text);
      expect(final.usage).toMatchObject({ completion_tokens: whole.usage?.completion_tokens });
    });

    it('gets log-probabilities', async () => {
      const wanted = { temperature: 0, max_tokens: 4, logprobs: true, top_logprobs: 3 };
      const reply = await client.chat.completions.create({ model, messages: capital, ...wanted });
      const tokens = reply.choices[0]?.logprobs?.content ?? [];
      expect(tokens).toHaveLength(4);
      for (const { token, logprob, top_logprobs } of tokens) {
        expect(top_logprobs).toHaveLength(3);
        expect(top_logprobs[0]).toMatchObject({ token, logprob });
      }
    });

    it('finds the model', async () => {
      expect((await client.models.list()).data.map(({ id }) => id)).toEqual([model]);
      expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: 'model' });
    });

    it('leaves early, and the worker stops', async () => {
      const tokens = 900;
      const before = await server().cancelled();
      const stream = await client.chat.completions.create({
        model,
        messages: capital,
        max_tokens: tokens,
        stream: true,
        ...{ ignore_eos: true },
      });
      let pieces = 0;
      for await (const _ of stream) {
        pieces += 1;
        if (pieces === 5) stream.controller.abort();
      }
      // What had come with the fifth is handed out still.
      expect(pieces).toBeLessThan(tokens / 2);
      await server().untilCancelled(before + 1);
    });
  });

  describe('errors in openai for Node', () => {
    const create = (fields: object = {}, through = client) =>
      through.chat.completions.create({ model, messages: capital, max_tokens: 1, ...fields }).then(
        () => undefined,
        (error: unknown) => error,
      );

    it('are of its classes, with param and code', async () => {
      const wrong = await create({ temperature: -1 });
      expect(wrong).toBeInstanceOf(OpenAI.BadRequestError);
      expect(wrong).toMatchObject({ status: 400, param: 'temperature', code: 'invalid_request' });
      const unknown = await create({ no_such_field: 1 });
      expect(unknown).toBeInstanceOf(OpenAI.BadRequestError);
      expect(unknown).toMatchObject({ param: 'no_such_field' });
      const missing = await create({ model: 'gpt-9' });
      expect(missing).toBeInstanceOf(OpenAI.NotFoundError);
      expect(missing).toMatchObject({ code: 'model_not_found' });
      const long = await create({ messages: [{ role: 'user', content: 'many words '.repeat(2000) }] });
      expect(long).toBeInstanceOf(OpenAI.BadRequestError);
      expect(long).toMatchObject({ code: 'context_length_exceeded' });
    });

    it('say that a key is wrong', async () => {
      const refused = await create({}, client.withOptions({ apiKey: 'sk-wrong' }));
      expect(refused).toBeInstanceOf(OpenAI.AuthenticationError);
      expect(refused).toMatchObject({ code: 'unauthorized' });
    });

    it('say that a caller asks too often, and when to come again', async () => {
      const rare = client.withOptions({ apiKey: server().rareKey });
      const outcomes = [await create({}, rare), await create({}, rare)];
      expect(outcomes[1]).toBeInstanceOf(OpenAI.RateLimitError);
      expect(Number((outcomes[1] as InstanceType<typeof OpenAI.APIError>).headers?.get('retry-after'))).toBeGreaterThan(
        0,
      );
    });
  });
}

export function openaiOf({ url, key }: ClientServer): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 60_000 });
}
