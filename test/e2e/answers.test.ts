import { execFileSync } from 'node:child_process';
import OpenAI from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { sharedServer } from './shared-server.js';
import { eventually, SluiceProcess } from './up-server.js';

// One real server with real weights for the whole file; the last test stops it.

const messages = [{ role: 'user', content: 'What is the capital of France?' }] as const;

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 60_000 });

const server = sharedServer();

/** Posts to an endpoint; a body that is no string or bytes is sent as JSON. */
async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: isRaw ? body : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

describe('sluice up', () => {
  it('has asked itself a question, and shows answer, speed and addresses', () => {
    const shown = server.process.stdout;
    expect(shown).toMatch(/answered {2}.*Paris/);
    expect(shown).toMatch(/first token after \d+ ms, then \d+\.\d tokens\/s/);
    expect(shown).toContain(`${server.url}/metrics`);
  });

  it('prints a curl line that works as it is', () => {
    const line = /^ +try +(curl .*)$/m.exec(server.process.stdout)?.[1] ?? '';
    expect(execFileSync('sh', ['-c', `${line} -fsS`], { encoding: 'utf8', timeout: 60_000 })).toContain('Paris');
  });

  it('refuses to start beside itself, in one line', async () => {
    const { port } = new URL(server.url);
    const second = new SluiceProcess(['up', '--port', port]);
    expect(await second.exited).toEqual({ status: 1, signal: null });
    expect(second.stderr).toBe(`sluice: port ${port} on 127.0.0.1 is in use; choose another with --port\n`);
  });

  it('runs gateway and worker as processes of their own', () => {
    const pids = [server.process.pid, server.process.pidOf('gateway'), server.process.pidOf('worker')];
    expect(new Set(pids).size).toBe(3);
  });
});

describe('The OpenAI client', () => {
  it('gets an answer in one piece', async () => {
    const reply = await server.client.chat.completions.create({
      model: server.model,
      messages: [...messages],
      temperature: 0,
      max_tokens: 40,
    });
    expect(reply.choices[0]?.message.content).toContain('Paris');
    expect(reply.choices[0]?.finish_reason).toBe('stop');
    const { prompt_tokens, completion_tokens, total_tokens } = reply.usage ?? {};
    expect(prompt_tokens).toBeGreaterThan(5);
    expect(completion_tokens).toBeGreaterThan(3);
    expect(total_tokens).toBe((prompt_tokens ?? 0) + (completion_tokens ?? 0));
  });

  it('gets the same answer as a stream, with its usage', async () => {
    const request = { model: server.model, messages: [...messages], temperature: 0, max_tokens: 40 };
    const whole = await server.client.chat.completions.create(request);
    const stream = await server.client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let pieces = 0;
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      const piece = chunk.choices[0]?.delta.content ?? '';
      text += piece;
      pieces += piece === '' ? 0 : 1;
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(usage).toMatchObject(whole.usage ?? {});
    expect(pieces).toBeGreaterThan(3);
  });

  it('completes a plain prompt, up to a stop string', async () => {
    const reply = await server.client.completions.create({
      model: server.model,
      prompt: '1, 2, 3, 4, 5, 6, 7,',
      temperature: 0,
      max_tokens: 24,
      stop: ['10'],
    });
    expect(reply.choices[0]?.text).toContain('8, 9');
    expect(reply.choices[0]?.text).not.toContain('10');
    expect(reply.choices[0]?.finish_reason).toBe('stop');
  });

  it('lists the model', async () => {
    const ids = [];
    for await (const model of server.client.models.list()) ids.push(model.id);
    expect(ids).toEqual([server.model]);
  });

  it('gets errors as its own classes', async () => {
    const create = (model: string) => server.client.chat.completions.create({ model, messages: [...messages] });
    await expect(create('no-such-model')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const wrong = server.client.chat.completions.create({
      model: server.model,
      messages: [...messages],
      temperature: -1,
    });
    await expect(wrong).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  it('gets the same text whatever else runs', async () => {
    const ask = async (index: number) => {
      const reply = await server.client.completions.create({
        model: server.model,
        prompt: `${'Once upon a time. '.repeat(index * 6)}The story of number ${index} begins`,
        max_tokens: 16,
        ...(index % 2 === 0 ? { temperature: 0 } : { temperature: 0.8, seed: index }),
      });
      return reply.choices[0]?.text;
    };
    const alone = [];
    for (let index = 0; index < 6; index++) alone.push(await ask(index));
    const together = await Promise.all(alone.map((_, index) => ask(index)));
    expect(together).toEqual(alone);
    expect(new Set(alone).size).toBe(6);
  });
});

describe('Bad input', () => {
  const chat = '/v1/chat/completions';
  const fine = { messages, max_tokens: 8 };
  // What is sent; the status, and what the message has to name.
  const table: readonly [string, string, unknown, number, RegExp][] = [
    ['malformed JSON', chat, '{"messages": [', 400, /JSON/],
    ['an unknown model', chat, { ...fine, model: 'gpt-9' }, 404, /gpt-9/],
    ['a wrong type', chat, { ...fine, max_tokens: 'many' }, 400, /max_tokens/],
    ['a negative limit', chat, { ...fine, max_tokens: -3 }, 400, /max_tokens.*-3.*1/],
    ['an absurd limit', chat, { ...fine, max_tokens: 1e30 }, 400, /max_tokens/],
    ['an absurd temperature', chat, { ...fine, temperature: 99 }, 400, /temperature.*99.*2/],
    ['empty messages', chat, { messages: [] }, 400, /messages/],
    ['messages that are none', chat, { messages: 'hello' }, 400, /messages/],
    ['an unknown role', chat, { messages: [{ role: 'wizard', content: 'x' }] }, 400, /role/],
    ['an unknown field', chat, { ...fine, max_tokes: 3 }, 400, /max_tokes/],
    [
      'invalid UTF-8',
      chat,
      new Uint8Array([...new TextEncoder().encode('{"messages":"'), 0xff, 0x22, 0x7d]),
      400,
      /UTF-8/,
    ],
    ['a prompt longer than the context', '/v1/completions', { prompt: 'many words '.repeat(2000) }, 400, /1024/],
    ['no prompt at all', '/v1/completions', {}, 400, /prompt/],
    ['an unknown route', '/v1/nothing', {}, 404, /nothing/],
  ];

  it.each(table)('%s', async (_, path, body, status, names) => {
    const reply = await post(path, body);
    expect(reply.status, reply.text).toBe(status);
    const { error } = JSON.parse(reply.text) as { error: { message: string; type: string } };
    expect(error.message).toMatch(names);
    expect(error.type).toBe('invalid_request_error');
  });

  it('a body that is no JSON by its own words', async () => {
    expect((await post(chat, 'hello', { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it('a body of 50 MB', async () => {
    // The server may answer and close before it has read everything; then the sender sees its own pipe break.
    const outcome = await post(chat, new Uint8Array(50 * 1024 * 1024).fill(32)).catch((error: unknown) => error);
    if (!(outcome instanceof Error)) expect(outcome).toMatchObject({ status: 413 });
    expect((await post(chat, fine)).status).toBe(200);
  });

  it('leaves nothing running', async () => {
    await eventually('an idle worker', 10_000, async () => {
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      return /^sluice_worker_running_sequences(\{[^}]*\})? 0$/m.test(metrics);
    });
  });
});

describe('Ctrl-C', () => {
  it('lets a running stream finish, then leaves no process and a free port', async () => {
    const stream = await server.client.completions.create({
      model: server.model,
      prompt: 'A long story:',
      max_tokens: 120,
      temperature: 0,
      stream: true,
      // Sluice's own: goes on after the end of the text.
      ...{ ignore_eos: true },
    });
    let finishReason: string | undefined;
    let pieces = 0;
    for await (const chunk of stream) {
      if (pieces === 0) server.process.pressCtrlC();
      pieces += 1;
      finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
    }
    expect(finishReason).toBe('length');
    expect(await server.process.exited).toEqual({ status: 0, signal: null });
    expect(server.process.running()).toEqual([]);
    await expect(fetch(server.url)).rejects.toThrow();
  });
});
