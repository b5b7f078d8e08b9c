import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GenerateRequest } from '@sluice/proto';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeRun, type FakeWorkerOptions, finished } from './test-support/fake-worker.js';
import { readEvents, startTestGateway, type TestGateway } from './test-support/start-test-gateway.js';

let gateway: TestGateway;
afterEach(async () => gateway.stop());

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const weather = { type: 'function', function: { name: 'weather', description: 'Tells it', parameters } } as const;
const time = { type: 'function', function: { name: 'time' } } as const;
const tools = [weather, time];
const messages = [{ role: 'user' as const, content: 'In Oslo?' }];
const call = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>';

/** A worker that writes `text`, some characters a token. */
const writes =
  (text: string, reason: Parameters<typeof finished>[0] = 'FINISH_REASON_STOP') =>
  (run: FakeRun): void => {
    run.send({ accepted: { promptTokens: 7 } });
    const pieces = text.match(/.{1,5}/gs) ?? [];
    for (const [index, piece] of pieces.entries()) {
      const token = { tokenId: index, token: Buffer.from(piece), logprob: -1, top: [] };
      run.send({ tokenIds: [index], text: piece, logprobs: run.request.logprobs ? [token] : [] });
    }
    run.send({ finished: finished(reason, pieces.length) });
  };

async function start(text: string, options: FakeWorkerOptions = {}): Promise<OpenAI> {
  gateway = await startTestGateway({ fakes: [{ onSubmit: writes(text), ...options }] });
  return new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
}

const create = (openai: OpenAI, fields: object = {}) =>
  openai.chat.completions.create({ model: 'fake/model', messages, tools, ...fields });

describe('a model that calls a tool', () => {
  it('gives the official client its calls', async () => {
    const openai = await start(`Let me see.\n${call}`);
    const { choices, id } = await create(openai);
    expect(choices).toMatchObject([
      {
        finish_reason: 'tool_calls',
        message: {
          content: 'Let me see.',
          tool_calls: [{ type: 'function', function: { name: 'weather', arguments: '{"city": "Oslo"}' } }],
        },
      },
    ]);
    expect(choices[0]?.message.tool_calls?.[0]?.id).toBe(`call_${id.slice(-28)}000`);
    expect(JSON.parse(request().toolsJson)).toEqual([
      weather,
      { type: 'function', function: { name: 'time', parameters: { type: 'object', properties: {} } } },
    ]);
    expect(request().constraint).toBeNull();
  });

  it('streams the name, and the arguments as they come, and no other text than its own', async () => {
    const openai = await start(`Hm.\n${call}\n${call.replace('Oslo', 'Rome')}`);
    const stream = openai.chat.completions.stream({ model: 'fake/model', messages, tools });
    const deltas: string[] = [];
    stream.on('tool_calls.function.arguments.delta', ({ index, arguments_delta }) =>
      deltas.push(`${index} ${arguments_delta}`),
    );
    const { choices } = await stream.finalChatCompletion();
    const [first, second] = choices[0]?.message.tool_calls ?? [];
    expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: 'Hm.' } });
    expect(first).toMatchObject({ function: { name: 'weather', arguments: '{"city": "Oslo"}' } });
    expect(second).toMatchObject({ function: { name: 'weather', arguments: '{"city": "Rome"}' } });
    expect(second?.id).not.toBe(first?.id);
    expect(deltas.filter((delta) => delta.startsWith('0')).length).toBeGreaterThan(2);
  });

  it('is null and not empty where there is no text', async () => {
    const { choices } = await create(await start(call));
    expect(choices[0]?.message.content).toBeNull();
  });

  it('keeps what was cut, and says so', async () => {
    const cut = call.slice(0, -16);
    const { choices } = await create(await start(cut, { onSubmit: writes(cut, 'FINISH_REASON_LENGTH') }));
    expect(choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { tool_calls: [{ function: { arguments: '{"city": "Oslo' } }] },
    });
  });

  it('gets the log-probabilities of all its tokens, those of calls too, with the text', async () => {
    const openai = await start(`A ${call}`);
    const { choices } = await create(openai, { logprobs: true });
    const tokens = (choices[0]?.logprobs?.content ?? []).map(({ token }) => token);
    expect(tokens.join('')).toBe(`A ${call}`);
    const events = await readEvents(await gateway.chat({ tools, logprobs: true, stream: true }));
    const streamed = events.flatMap((event) =>
      typeof event === 'object'
        ? ((event as OpenAI.ChatCompletionChunk).choices[0]?.logprobs?.content ?? []).map(({ token }) => token)
        : [],
    );
    expect(streamed).toEqual(tokens);
  });

  it('is read in the way of its model', async () => {
    const written = '[TOOL_CALLS]weather[ARGS]{"city": "Oslo"}';
    const { choices } = await create(await start(written, { toolFormat: 'mistral' }));
    expect(choices[0]?.message.tool_calls).toMatchObject([{ function: { arguments: '{"city": "Oslo"}' } }]);
  });

  it('is text where it was told of no tools, or calls one that is not there', async () => {
    const openai = await start(call);
    for (const fields of [{ tools: undefined }, { tool_choice: 'none' }, { tools: [time] }]) {
      const { choices } = await create(openai, fields);
      expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: call } });
    }
    expect(gateway.worker.requests.map(({ toolsJson }) => toolsJson !== '')).toEqual([false, false, true]);
  });

  it('goes on with the results', async () => {
    const openai = await start('Rain.');
    const answer = {
      role: 'assistant' as const,
      content: null,
      refusal: null,
      tool_calls: [
        { id: 'c1', type: 'function' as const, function: { name: 'weather', arguments: '{"city": "Oslo"}' } },
      ],
    };
    const result = { role: 'tool' as const, tool_call_id: 'c1', content: [{ type: 'text' as const, text: 'rain' }] };
    await create(openai, { messages: [...messages, answer, result] });
    expect(JSON.parse(request().messagesJson ?? '')).toEqual([
      ...messages,
      { role: 'assistant', content: null, tool_calls: answer.tool_calls },
      { role: 'tool', content: 'rain', tool_call_id: 'c1' },
    ]);
  });
});

describe('rules of content', () => {
  it('hold for what was called, and for what tools say of themselves', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-tools-'));
    const contentRulesFile = join(folder, 'rules.json');
    await writeFile(contentRulesFile, JSON.stringify({ redact: [{ pattern: 'Oslo', matchCharactersMax: 4 }] }));
    gateway = await startTestGateway({ contentRulesFile, fakes: [{ onSubmit: writes(call) }] });
    const past = { id: 'c', type: 'function', function: { name: 'weather', arguments: '{"city": "Oslo"}' } };
    const reply = await gateway.chat({ tools, messages: [{ role: 'assistant', content: null, tool_calls: [past] }] });
    const { choices } = (await reply.json()) as OpenAI.ChatCompletion;
    expect(choices[0]?.message.tool_calls).toMatchObject([{ function: { arguments: '{"city": "[redacted]"}' } }]);
    expect(request().messagesJson).toContain('[redacted]');
    expect(request().messagesJson).not.toContain('Oslo');
    const described = { type: 'function', function: { name: 'f', description: 'Of Oslo' } };
    const refused = await gateway.chat({ tools: [described] });
    expect(await refused.json()).toMatchObject({ error: { code: 'content_refused', param: 'tools' } });
    await rm(folder, { recursive: true });
  });
});

describe('tool_choice', () => {
  it.each([
    ['auto', true, undefined],
    ['auto', false, /triggered_tags.*"stop_after_first":true/],
    ['required', true, /tags_with_separator.*weather.*time.*"stop_after_first":false/],
    [{ type: 'function', function: { name: 'time' } }, true, /tags_with_separator.*time.*"stop_after_first":true/],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [time] } },
      true,
      /tags_with_separator.*time.*"stop_after_first":false/,
    ],
  ])('%j, parallel %j', async (tool_choice, parallel_tool_calls, constraint) => {
    await create(await start(call), { tool_choice, parallel_tool_calls });
    const tag = request().constraint?.structuralTag;
    if (constraint === undefined) expect(tag).toBeUndefined();
    else expect(tag).toMatch(constraint);
    if (typeof tool_choice === 'object') expect(tag).not.toContain('weather');
    expect(request().toolsJson).toContain('weather');
  });

  it('holds calls of a strict tool to its parameters, and leaves text free', async () => {
    await create(await start(call), { tools: [{ ...weather, function: { ...weather.function, strict: true } }] });
    expect(request().constraint?.structuralTag).toMatch(/triggered_tags.*"required":\["city"\]/);
  });

  it('leaves the form of the answer to the calls, or lets the model choose', async () => {
    const openai = await start(call);
    const response_format = { type: 'json_object' };
    await create(openai, { response_format, tool_choice: 'required' });
    await create(openai, { response_format });
    await create(openai, { response_format, tool_choice: 'none' });
    const [required, auto, none] = gateway.worker.requests.map(({ constraint }) => constraint);
    expect(required?.structuralTag).not.toContain('"or"');
    expect(auto?.structuralTag).toContain('"or"');
    expect(none).toMatchObject({ form: 'jsonObject' });
  });
});

describe('a request with tools that are wrong', () => {
  const named = (name: unknown) => ({ type: 'function', function: { name } });
  const assistant = (tool_calls: unknown) => ({ role: 'assistant', content: 'x', tool_calls });

  const wrong: readonly (readonly [object, string])[] = [
    [{ tools: {} }, 'tools: an object must be an array'],
    [{ tools: Array(129).fill(time) }, 'tools: an array of 129 entries must have at most 128 entries'],
    [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'tools[0].type: "custom" must be "function"'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function: is required'],
    [{ tools: [named('a b')] }, 'tools[0].function.name: "a b" must have 1 to 64 letters, digits, "_" and "-"'],
    [
      { tools: [{ type: 'function', function: { name: 'a', parameters: [] } }] },
      'tools[0].function.parameters: an empty array must be a record',
    ],
    [
      { tools: [{ type: 'function', function: { name: 'a', parameters: { type: 'string' } } }] },
      'tools[0].function.parameters: an object must be a JSON schema of type "object"',
    ],
    [
      { tools: [{ type: 'function', function: { name: 'a', strict: 1 } }] },
      'tools[0].function.strict: 1 must be true or false',
    ],
    [
      { tools: [{ type: 'function', function: { name: 'a', x: 1 } }] },
      'tools[0].function.x: is not a field of this request',
    ],
    [{ tools: [time, time] }, 'tools[1]: the name "time" is there twice'],
    [{ tools, tool_choice: named('x') }, 'tool_choice: "x" must be one of the tools: "weather", "time"'],
    [{ tool_choice: 'required' }, 'tool_choice: "required" must come with tools'],
    [{ tool_choice: named('x') }, 'tool_choice: "x" must be one of the tools: there are none'],
    [{ tools, parallel_tool_calls: 1 }, 'parallel_tool_calls: 1 must be true or false'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content: is required'],
    [
      { messages: [{ role: 'tool', content: 'x' }] },
      'messages[0].tool_call_id: is required in a message of the role "tool"',
    ],
    [
      { messages: [{ role: 'tool', content: 'x', tool_call_id: 'a' }] },
      'messages[0].tool_call_id: "a" must be the id of a call in tool_calls of a message in front of it',
    ],
    [{ messages: [assistant({})] }, 'messages[0].tool_calls: an object must be an array'],
    [{ messages: [assistant([{ id: 'a', type: 'function' }])] }, 'messages[0].tool_calls[0].function: is required'],
    [
      { messages: [assistant([{ id: 'a', ...named('f'), function: { name: 'f', arguments: {} } }])] },
      'messages[0].tool_calls[0].function.arguments: an object must be a string',
    ],
    [
      {
        messages: [
          { ...assistant([{ id: 'a', type: 'function', function: { name: 'f', arguments: '' } }]), role: 'user' },
        ],
      },
      'messages[0].tool_calls: must come with the role "assistant", not "user"',
    ],
  ];

  it.each(wrong.map(([fields, message]) => ({ fields, message })))('$message', async ({ fields, message }) => {
    await start('x');
    const response = await gateway.chat({ ...fields });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message, code: 'invalid_request' } });
  });
});

function request(): GenerateRequest {
  return gateway.worker.requests.at(-1)!;
}
