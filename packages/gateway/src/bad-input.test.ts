import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from './test-support/start-test-gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ bodyBytesMax: 100_000 });
});
afterAll(async () => gateway.stop());

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];

interface ErrorReply {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

async function expectError(response: Response, status: number): Promise<ErrorReply['error']> {
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toContain('application/json');
  const { error } = (await response.json()) as ErrorReply;
  expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code']);
  return error;
}

/** Fields beside good messages, and what the caller is told. */
const badFields: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ max_tokens: -3 }, 'max_tokens: -3 must be at least 1'],
  [{ max_tokens: 0 }, 'max_tokens: 0 must be at least 1'],
  [{ max_tokens: 257 }, "max_tokens: 257 must be at most 256, the model's context"],
  [{ max_completion_tokens: 1e9 }, "max_completion_tokens: 1000000000 must be at most 256, the model's context"],
  [{ max_tokens: 1e30 }, 'max_tokens: 1e+30 must be at most 9007199254740991'],
  [{ max_tokens: '7' }, 'max_tokens: "7" must be a number'],
  [{ max_tokens: 1.5 }, 'max_tokens: 1.5 must be a whole number'],
  [{ max_tokens: 4, max_completion_tokens: 5 }, 'max_completion_tokens: 5 must equal max_tokens, 4'],
  [{ temperature: 2.5 }, 'temperature: 2.5 must be at most 2'],
  [{ temperature: -1 }, 'temperature: -1 must be at least 0'],
  [{ temperature: 'hot' }, 'temperature: "hot" must be a number'],
  [{ temperature: {} }, 'temperature: an object must be a number'],
  [{ top_p: 0 }, 'top_p: 0 must be more than 0'],
  [{ top_p: 1.1 }, 'top_p: 1.1 must be at most 1'],
  [{ top_k: -2 }, 'top_k: -2 must be at least -1'],
  [{ min_p: 2 }, 'min_p: 2 must be at most 1'],
  [{ seed: 1.5 }, 'seed: 1.5 must be a whole number'],
  [{ presence_penalty: 3 }, 'presence_penalty: 3 must be at most 2'],
  [{ frequency_penalty: -3 }, 'frequency_penalty: -3 must be at least -2'],
  [{ repetition_penalty: 0 }, 'repetition_penalty: 0 must be more than 0'],
  [{ logit_bias: { 5: 101 } }, 'logit_bias.5: 101 must be a number of at least -100 and at most 100'],
  [{ logit_bias: { 1000: 1 } }, "logit_bias: token 1000 must be at most 999, the model's last token"],
  [{ logit_bias: [] }, 'logit_bias: an empty array must be an object from token ids to biases'],
  [{ logprobs: 1 }, 'logprobs: 1 must be true or false'],
  [{ top_logprobs: 2 }, 'top_logprobs: 2 must come with logprobs: true'],
  [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs: 21 must be at most 20'],
  [{ stop: '' }, 'stop: an empty string must have at least 1 character'],
  [{ stop: ['a', 5] }, 'stop[1]: 5 must be a string'],
  [{ stop: 5 }, 'stop: 5 must be a string or an array'],
  [{ stop: Array(17).fill('x') }, 'stop: an array of 17 entries must have at most 16 entries'],
  [{ min_tokens: 5, max_tokens: 4 }, 'min_tokens: 5 must be at most max_tokens, 4'],
  [{ stop_token_ids: ['a'] }, 'stop_token_ids[0]: "a" must be a number'],
  [{ stop_token_ids: [1000] }, "stop_token_ids[0]: 1000 must be at most 999, the model's last token"],
  [{ stop_token_ids: Array(257).fill(1) }, 'stop_token_ids: an array of 257 entries must have at most 256 entries'],
  [{ prompt_logprobs: 21 }, 'prompt_logprobs: 21 must be at most 20'],
  [{ prompt_logprobs: 1, stream: true }, 'prompt_logprobs: 1 must not come with stream: true'],
  [{ response_format: {} }, 'response_format.type: is required'],
  [
    { response_format: { type: 'xml' } },
    'response_format.type: "xml" must be one of "text", "json_object", "json_schema"',
  ],
  [{ response_format: { type: 'text', extra: 1 } }, 'response_format.extra: is not a field of this request'],
  [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema: is required'],
  [
    { response_format: { type: 'json_schema', json_schema: { name: 'a b', schema: {} } } },
    'response_format.json_schema.name: "a b" must have 1 to 64 letters, digits, "_" and "-"',
  ],
  [{ guided_json: '[1]' }, 'guided_json: "[1]" must be the JSON of an object'],
  [{ guided_json: '{' }, 'guided_json: "{" must be a JSON schema, as an object or as JSON'],
  [{ guided_choice: [] }, 'guided_choice: an empty array must have at least 1 entry'],
  [{ guided_regex: 5 }, 'guided_regex: 5 must be a string'],
  [{ guided_regex: 'a', guided_choice: ['b'] }, 'guided_choice: must not come with guided_regex: a text has one form'],
  [
    { structured_outputs: { regex: 'a' }, response_format: { type: 'json_object' } },
    'structured_outputs.regex: must not come with response_format: a text has one form',
  ],
  [{ structured_outputs: { lark: 'a' } }, 'structured_outputs.lark: is not a field of this request'],
  [
    { continue_final_message: true, add_generation_prompt: true },
    'continue_final_message: must not come with add_generation_prompt: true',
  ],
  [{ n: 0 }, 'n: 0 must be at least 1'],
  [{ n: 17 }, 'n: 17 must be at most 16'],
  [{ stream: 'yes' }, 'stream: "yes" must be true or false'],
  [{ stream_options: { include_usage: true } }, 'stream_options: must come with stream: true'],
  [{ stream: true, stream_options: { surprise: 1 } }, 'stream_options.surprise: is not a field of this request'],
  [{ metadata: 5 }, 'metadata: 5 must be an object'],
  [{ surprise: 1, another: 2 }, 'surprise: is not a field of this request'],
  [{ messages: [] }, 'messages: an empty array must have at least 1 entry'],
  [{ messages: null }, 'messages: is required'],
  [{ messages: 'Hi' }, 'messages: "Hi" must be an array'],
  [{ messages: ['Hi'] }, 'messages[0]: "Hi" must be an object'],
  [{ messages: [{}] }, 'messages[0].role: is required'],
  [
    { messages: [...messages, { role: 'pope', content: '' }] },
    'messages[1].role: "pope" must be one of "system", "developer", "user", "assistant", "tool"',
  ],
  [{ messages: [{ role: 'user' }] }, 'messages[0].content: is required'],
  [{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content: 5 must be a string or an array'],
  [{ messages: [{ role: 'user', content: [] }] }, 'messages[0].content: an empty array must have at least 1 entry'],
  [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages[0].content[0].text: is required'],
  [{ messages: [{ role: 'user', content: 'Hi', extra: 1 }] }, 'messages[0].extra: is not a field of this request'],
  [
    { messages: [{ role: 'user', content: 'a\ud800b' }] },
    'messages[0].content: "a\\ud800b" must not hold half of a surrogate pair',
  ],
];

const badPrompts: readonly (readonly [unknown, string])[] = [
  [undefined, 'prompt: is required'],
  ['', 'prompt: an empty string must hold at least one token'],
  [[], 'prompt: an empty array must hold at least one token'],
  [5, 'prompt: 5 must be a string or an array'],
  [Array(129).fill('a'), 'prompt: an array of 129 entries must have at most 128 prompts'],
  [['a', ''], 'prompt[1]: an empty string must hold at least one token'],
  [['a', 7], 'prompt[1]: 7 must be a string, a token id or an array of token ids'],
  [[[1], [2, 1000]], "prompt[1][1]: 1000 must be at most 999, the model's last token"],
  [[1, 'b'], 'prompt[1]: "b" must be a token id, a whole number'],
  [[1, -1], 'prompt[1]: -1 must be at least 0'],
  [[1, 1000], "prompt[1]: 1000 must be at most 999, the model's last token"],
  [Array(256).fill(1), "prompt: 256 tokens must be at most 255; this model's maximum context length is 256 tokens"],
  [[[]], 'prompt[0]: an empty array must hold at least one token'],
  [[{}], 'prompt[0]: an object must be a string, a token id or an array of token ids'],
];

describe('a field out of its range', () => {
  it.each(badFields)('%j', async (fields, message) => {
    const error = await expectError(await gateway.post(chat, { messages, ...fields }), 400);
    expect(error).toMatchObject({ message, type: 'invalid_request_error', code: 'invalid_request' });
    expect(message.startsWith(`${error.param}:`)).toBe(true);
  });

  it.each(badPrompts)('prompt %j', async (prompt, message) => {
    expect((await expectError(await gateway.post('/v1/completions', { prompt }), 400)).message).toBe(message);
  });

  it('costs no worker anything', () => {
    expect(gateway.worker.requests).toEqual([]);
  });
});

describe('a field that is known and not supported', () => {
  it.each([
    { audio: { voice: 'x' } },
    { modalities: ['text', 'audio'] },
    { echo: true },
    { best_of: 3 },
    { suffix: 'x' },
    { use_beam_search: true },
    { chat_template: 'x' },
  ])('%j', async (fields) => {
    const error = await expectError(await gateway.post(chat, { messages, ...fields }), 400);
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: Object.keys(fields)[0] });
  });

  it('names parts and messages that are not text', async () => {
    const image = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }];
    const error = await expectError(await gateway.post(chat, { messages: image }), 400);
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'messages[0].content[0].type' });
    const spoken = [{ role: 'assistant', content: '', audio: { id: 'x' } }];
    expect(await expectError(await gateway.post(chat, { messages: spoken }), 400)).toMatchObject({
      code: 'unsupported_parameter',
      param: 'messages[0].audio',
    });
  });
});

describe('a body that is none', () => {
  it.each([
    ['', 'expected a value at line 1, column 1, found the end of the body'],
    ['{"messages": [', 'expected a value or "]" at line 1, column 15, found the end of the body'],
    ['{"a": 1,\n "b" 2}', 'expected ":" at line 2, column 6, found "2}"'],
    ['{"a": tru}', 'expected a value at line 1, column 7, found "tru}"'],
    ["{'a': 1}", 'expected a quoted field name or "}" at line 1, column 2, found "\'a\': 1}"'],
    ['{"a": 1,}', 'expected a quoted field name at line 1, column 9, found "}"'],
    ['{"a": "x\ny"}', 'expected an escape for this control character at line 1, column 9'],
    ['{"a": "\\q"}', 'expected an escape such as \\n or \\u00e9 at line 1, column 8'],
    ['{"a": "b', 'expected a closing quote at line 1, column 9, found the end of the body'],
    ['{} {}', 'expected nothing more at line 1, column 4, found "{}"'],
    ['[1 2]', 'expected "," or "]" at line 1, column 4, found "2]"'],
    ['{"a": 01}', 'expected "," or "}" at line 1, column 8, found "1}"'],
    ['['.repeat(90_000), 'expected a value or "]" at line 1, column 90001'],
  ])('%j', async (body, message) => {
    const error = await expectError(await gateway.post(chat, body), 400);
    expect(error).toMatchObject({ code: 'invalid_request', param: null });
    expect(error.message).toContain(message);
  });

  it.each(['[]', '5', 'null', '"x"'])('JSON that is no object: %s', async (body) => {
    const error = await expectError(await gateway.post(chat, body), 400);
    expect(error.message).toMatch(/^the body must be a JSON object, not /);
  });

  it('is not UTF-8', async () => {
    const body = Buffer.concat([
      Buffer.from('{"messages":[{"role":"user","content":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}]}'),
    ]);
    const response = await fetch(gateway.url + chat, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect((await expectError(response, 400)).message).toBe('the body is not valid UTF-8');
  });

  it.each([
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': '' },
    { 'content-type': 'application/json; charset=latin1' },
    { 'content-type': ';;;' },
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  ])('has the wrong type: %j', async (headers) => {
    const response = await gateway.post(chat, { messages }, { headers: headers as unknown as Record<string, string> });
    expect((await expectError(response, 415)).code).toBe('unsupported_media_type');
  });

  it('takes application/json in any of its spellings', async () => {
    const headers = { 'content-type': 'Application/JSON; Charset="UTF-8"' };
    expect((await gateway.chat({}, { headers })).status).toBe(200);
  });
});

describe('a model', () => {
  it('that is not served is refused with those that are', async () => {
    const error = await expectError(await gateway.post(chat, { model: 'gpt-9', messages }), 404);
    expect(error).toEqual({
      message: 'model: "gpt-9" is not served here; known: "fake/model"',
      type: 'invalid_request_error',
      param: 'model',
      code: 'model_not_found',
    });
  });

  it('may be left out when there is only one', async () => {
    expect((await gateway.post(chat, { messages, model: null })).status).toBe(200);
  });

  it('must be named when there are several', async () => {
    const two = await startTestGateway({ fakes: [{ model: 'a' }, { model: 'b' }] });
    const error = await expectError(await two.chat(), 400);
    expect(error.message).toBe('model: is required, one of "a", "b"');
    expect((await two.chat({ model: 'b' })).status).toBe(200);
    expect(two.workers[1]?.requests.length).toBe(1);
    await two.stop();
  });
});

describe('a route', () => {
  it('that does not exist gets 404', async () => {
    expect((await expectError(await fetch(`${gateway.url}/v1/nope`), 404)).code).toBe('not_found');
    expect((await expectError(await gateway.post('/nope', 'not even JSON'), 404)).code).toBe('not_found');
    await expectError(await fetch(`${gateway.url}/v1/models/%zz`), 400);
  });

  it('with another method gets 405 and is told which', async () => {
    for (const [path, method, allow] of [
      [chat, 'GET', 'POST'],
      [chat, 'DELETE', 'POST'],
      ['/v1/models', 'POST', 'GET, HEAD'],
      ['/health', 'PUT', 'GET, HEAD'],
    ] as const) {
      const response = await fetch(gateway.url + path, { method });
      expect(response.headers.get('allow')).toBe(allow);
      expect((await expectError(response, 405)).code).toBe('method_not_allowed');
    }
  });
});

describe('what is accepted', () => {
  it.each([
    { n: 1, tools: [], response_format: { type: 'text' }, store: false, tool_choice: 'auto' },
    { temperature: null, max_tokens: null, stop: null, logit_bias: null, user: null, tools: null },
    { stop: ['a', 'b', 'c'], logit_bias: { 5: -100, 6: 100 }, user: 'me', metadata: { a: 'b' }, seed: -5, top_k: -1 },
    {
      messages: [
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        { role: 'user', content: '', name: 'x' },
      ],
    },
    { ignore_eos: true, max_completion_tokens: 256, max_tokens: 256 },
  ])('%j', async (fields) => {
    expect((await gateway.chat(fields)).status).toBe(200);
  });

  it('reaches the worker in its terms', async () => {
    await gateway.chat({
      messages: [
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      ],
      stop: 'end',
      logit_bias: { 5: -100 },
      seed: -5,
      top_k: -1,
      min_p: 0.25,
      ignore_eos: true,
    });
    expect(gateway.worker.requests.at(-1)).toMatchObject({
      messagesJson: '[{"role":"system","content":"ab"}]',
      tokensMax: 0,
      stopStrings: ['end'],
      ignoreEnd: true,
      sampling: { seed: Number.MAX_SAFE_INTEGER - 5, topK: 0, minP: 0.25, logitBias: [{ tokenId: 5, bias: -100 }] },
    });
  });
});
