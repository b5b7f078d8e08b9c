import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { makeKey } from './auth/api-keys.js';
import { type FakeRun, finished, helloScript } from './test-support/fake-worker.js';
import {
  readEvents,
  startTestGateway,
  type TestGateway,
  type TestGatewayOptions,
} from './test-support/start-test-gateway.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-access-'));
const keysFile = path.join(folder, 'keys.json');
const rulesFile = path.join(folder, 'rules.json');
const { key, ...proof } = makeKey(new Uint8Array(32).fill(3), new Uint8Array(8).fill(4));

let gateway: TestGateway;
afterEach(async () => gateway.stop());

function writeKeys(terms: object): void {
  writeFileSync(keysFile, JSON.stringify({ keys: [{ name: 'alice', ...proof, ...terms }] }));
}

async function startWithKeys(terms: object = {}, options: TestGatewayOptions = {}): Promise<void> {
  writeKeys({ scopes: ['inference', 'models', 'metrics'], ...terms });
  const probeHeaders = { authorization: `Bearer ${key}` };
  gateway = await startTestGateway({ keysFile, fakes: [{ onSubmit: answerShort }], ...options, probeHeaders });
}

/** Long prompts are never answered. */
function answerShort(run: FakeRun): void {
  if ((run.request.messagesJson ?? '').length < 1_000) helloScript(run);
}

function chat(fields: object = {}, headers: Record<string, string> = {}): Promise<Response> {
  const own = { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers };
  return gateway.chat({ ...fields }, { headers: own });
}

describe('a gateway with API keys', () => {
  it('serves who has one, through the official client too, and names them in the log', async () => {
    await startWithKeys();
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key });
    const answer = await client.chat.completions.create({
      model: 'fake/model',
      messages: [{ role: 'user', content: 'Hi' }],
    });
    expect(answer.choices[0]!.message.content).toBe('Hello world');
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['fake/model']);
    expect(gateway.worker.requests[0]!.terms?.client).toBe('alice');
  });

  it('refuses who has none with 401, before the body is read', async () => {
    await startWithKeys();
    const wrong = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'sk-wrong', maxRetries: 0 });
    await expect(wrong.models.list()).rejects.toThrow(OpenAI.AuthenticationError);
    for (const route of ['/v1/chat/completions', '/v1/completions', '/v1/models', '/metrics', '/nowhere']) {
      const response = await fetch(gateway.url + route);
      expect([route, response.status]).toEqual([route, 401]);
      expect(await response.json()).toMatchObject({ error: { type: 'authentication_error', code: 'unauthorized' } });
    }
    for (const route of ['/health', '/ready', '/openapi.json', '/docs']) {
      expect([route, (await fetch(gateway.url + route)).status]).toEqual([route, 200]);
    }
    expect(gateway.worker.requests).toHaveLength(0);
  });

  it('keeps to what a key is for', async () => {
    await startWithKeys({ models: ['other'], priorityMax: 'normal' });
    const foreign = await chat();
    expect(foreign.status).toBe(403);
    expect(await foreign.json()).toMatchObject({ error: { type: 'permission_error', param: 'model' } });
    expect((await chat({}, { 'x-sluice-priority': 'high' })).status).toBe(403);
    const models = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    expect(await models.json()).toMatchObject({ data: [] });
  });

  it('holds callers to tokens a minute, gives back what they did not use, and says when to come again', async () => {
    await startWithKeys({ tokensPerMinute: 1_000 });
    const first = await chat({ max_tokens: 200 });
    expect(first.status).toBe(200);
    expect(first.headers.get('x-ratelimit-limit-tokens')).toBe('1000');
    expect(Number(first.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(800);
    await first.text();
    // Of 200 reserved a few were used.
    const second = await chat({ max_tokens: 200 });
    expect(Number(second.headers.get('x-ratelimit-remaining-tokens'))).toBeGreaterThan(700);
    await second.text();
    const slow = await startHeld();
    const third = await chat({ max_tokens: 200 });
    expect(third.status).toBe(429);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await third.json()).toMatchObject({ error: { code: 'rate_limited' } });
    slow.abort();
  });

  it('holds callers to requests a minute', async () => {
    await startWithKeys({ requestsPerMinute: 2 });
    const statuses = [];
    for (let i = 0; i < 3; i++) {
      const response = await chat();
      statuses.push(response.status);
      await response.text();
    }
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('takes a key out without a restart', async () => {
    await startWithKeys();
    expect((await chat()).status).toBe(200);
    writeFileSync(keysFile, '{"keys":[]}');
    utimesSync(keysFile, 1, 1);
    while ((await chat()).status !== 401);
  });
});

/** Reserves most of the tokens for a request that goes on. */
async function startHeld(): Promise<AbortController> {
  const leaving = new AbortController();
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  void gateway
    .chat(
      { max_tokens: 200, messages: [{ role: 'user', content: 'x'.repeat(2_800) }] },
      { headers, signal: leaving.signal },
    )
    .catch(() => {});
  await gateway.worker.until(({ requests }) =>
    requests.some(({ messagesJson }) => (messagesJson ?? '').length > 1_000),
  );
  return leaving;
}

describe('web pages', () => {
  it('of allowed origins may call the API, others are not told that they may', async () => {
    gateway = await startTestGateway({ corsOrigins: ['https://chat.example'] });
    const ask = (origin: string): Promise<Response> =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
      });
    const allowed = await ask('https://chat.example');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://chat.example');
    expect(allowed.headers.get('access-control-allow-headers')).toContain('authorization');
    expect((await ask('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
    const answer = await gateway.chat(
      {},
      { headers: { 'content-type': 'application/json', origin: 'https://chat.example' } },
    );
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://chat.example');
  });
});

describe('content rules', () => {
  const say =
    (...pieces: string[]) =>
    (run: FakeRun): void => {
      run.send({ accepted: { promptTokens: 7 } });
      for (const [index, text] of pieces.entries()) run.send({ tokenIds: [index], text });
      run.send({ finished: finished('FINISH_REASON_STOP', pieces.length) });
    };
  const start = async (onSubmit: (run: FakeRun) => void): Promise<void> => {
    writeFileSync(
      rulesFile,
      JSON.stringify({ redact: [{ pattern: '\\b\\d{4}\\b', matchCharactersMax: 4 }], deny: ['the plan'] }),
    );
    gateway = await startTestGateway({ contentRulesFile: rulesFile, fakes: [{ onSubmit }] });
  };
  const textOf = async (response: Response): Promise<string> =>
    (await readEvents(response))
      .map((event) => (event as { choices?: { delta?: { content?: string } }[] }).choices?.[0]?.delta?.content ?? '')
      .join('');

  it('redact prompts and answers, streamed and whole', async () => {
    await start(say('My PIN is 12', '34, yours', ' 5678'));
    const messages = [{ role: 'user', content: 'Mine is 9999.' }];
    const whole = (await (await gateway.chat({ messages })).json()) as { choices: { message: { content: string } }[] };
    expect(whole.choices[0]!.message.content).toBe('My PIN is [redacted], yours [redacted]');
    expect(gateway.worker.requests[0]!.messagesJson).toContain('Mine is [redacted].');
    expect(await textOf(await gateway.chat({ messages, stream: true }))).toBe('My PIN is [redacted], yours [redacted]');
  });

  it('refuse prompts with 400, and end answers with content_filter', async () => {
    await start(say('Here is the', ' plan', ' in full'));
    const refused = await gateway.chat({ messages: [{ role: 'user', content: 'Tell me The Plan' }] });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { code: 'content_refused', param: 'messages[0].content' } });
    const ended = await readEvents(await gateway.chat({ stream: true }));
    expect(JSON.stringify(ended)).not.toContain('plan');
    expect(JSON.stringify(ended)).toContain('"finish_reason":"content_filter"');
    expect(ended.at(-1)).toBe('[DONE]');
  });

  it.each([
    { what: 'the system prompt', body: { system: 'the plan' }, param: 'system' },
    { what: 'a message behind it', body: { system: 'Be brief.' }, said: 'the plan', param: 'messages[0]' },
    { what: 'a message alone', body: {}, said: 'the plan', param: 'messages[0]' },
    {
      what: 'a message behind two that became one',
      body: {
        messages: [
          { role: 'user', content: 'Hi' },
          { role: 'user', content: 'there' },
          { role: 'assistant', content: 'the plan' },
        ],
      },
      param: 'messages[2]',
    },
  ])('name $what of /v1/messages as the caller wrote it', async ({ body, said = 'Hi', param }) => {
    await start(say('fine'));
    const messages = [{ role: 'user', content: said }];
    const refused = await gateway.post('/v1/messages', { model: 'fake/model', max_tokens: 5, messages, ...body });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: { message: `${param}: the content is not allowed here` },
    });
  });

  it.each([
    { body: { instructions: 'the plan', input: 'Hi' }, param: 'instructions' },
    { body: { instructions: 'Be brief.', input: [{ role: 'user', content: 'the plan' }] }, param: 'input[0]' },
  ])('name $param of /v1/responses', async ({ body, param }) => {
    await start(say('fine'));
    const refused = await gateway.post('/v1/responses', { model: 'fake/model', ...body });
    expect(await refused.json()).toMatchObject({ error: { code: 'content_refused', param } });
  });

  it('leave nothing unchecked: token ids and log-probabilities are refused', async () => {
    await start(say('x'));
    const ids = await gateway.post('/v1/completions', { model: 'fake/model', prompt: [1, 2, 3] });
    expect(await ids.json()).toMatchObject({ error: { code: 'unsupported_parameter', param: 'prompt' } });
    const logprobs = await gateway.chat({ logprobs: true });
    expect(await logprobs.json()).toMatchObject({ error: { code: 'unsupported_parameter', param: 'logprobs' } });
    const prompt = await gateway.chat({ prompt_logprobs: 0 });
    expect(await prompt.json()).toMatchObject({ error: { code: 'unsupported_parameter', param: 'prompt_logprobs' } });
    const suffix = await gateway.post('/v1/completions', { prompt: 'x', suffix: 'is the plan' });
    expect(await suffix.json()).toMatchObject({ error: { code: 'content_refused', param: 'suffix' } });
  });

  it('end the choice that breaks them, and no other', async () => {
    let runs = 0;
    await start((run) => {
      runs += 1;
      say(...(runs === 1 ? ['Here is the plan', ' in full'] : ['Here is', ' nothing']))(run);
    });
    const reply = (await (await gateway.chat({ n: 2 })).json()) as {
      choices: { finish_reason: string; message: { content: string } }[];
      usage: object;
    };
    expect(reply.choices.map(({ finish_reason, message }) => [finish_reason, message.content])).toEqual([
      ['content_filter', 'Here i'],
      ['stop', 'Here is nothing'],
    ]);
    expect(reply.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 4 });
  });

  it('redact a prompt that is given back', async () => {
    await start(say('fine'));
    const reply = await gateway.post('/v1/completions', { prompt: 'PIN 1234 ', echo: true });
    expect(await reply.json()).toMatchObject({ choices: [{ text: 'PIN [redacted] fine' }] });
  });
});

process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
