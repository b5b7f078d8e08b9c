import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { makeKey } from './auth/api-keys.js';
import { startFakeUpstream } from './test-support/fake-upstream.js';
import { idleLoad } from './test-support/fake-worker.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './test-support/start-test-gateway.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-tokenize-'));
afterAll(() => rmSync(folder, { recursive: true }));

let gateway: TestGateway;
afterEach(() => gateway.stop());

const start = async (options: TestGatewayOptions = {}): Promise<void> => {
  gateway = await startTestGateway(options);
};
const post = async (route: string, body: unknown) => {
  const response = await gateway.post(route, body);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const messages = [{ role: 'user', content: 'Hi' }];

describe('POST /tokenize', () => {
  it('answers as vLLM does', async () => {
    await start();
    expect(await post('/tokenize', { prompt: 'hé', model: 'fake/model' })).toEqual({
      status: 200,
      body: { count: 3, max_model_len: 256, tokens: [104, 195, 169], token_strs: null },
    });
    const spelt = await post('/tokenize', { prompt: 'hé', return_token_strs: true, add_special_tokens: true });
    expect(spelt.body.token_strs).toEqual(['h', '\ufffd', '\ufffd']);
  });

  it('asks the worker for messages as the model reads them, with tools, and for texts without a beginning', async () => {
    const asked: unknown[] = [];
    const onTokenize = (request: unknown) => {
      asked.push(request);
      return { ids: [1] };
    };
    await start({ fakes: [{ onTokenize }] });
    const tools = [{ type: 'function', function: { name: 'f' } }];
    await post('/tokenize', { messages, tools, add_generation_prompt: true });
    const begun = [...messages, { role: 'assistant', content: 'I' }];
    await post('/tokenize', { messages: begun, continue_final_message: true, add_generation_prompt: false });
    await post('/tokenize', { messages, add_generation_prompt: false });
    await post('/tokenize', { prompt: 'x', add_special_tokens: false });
    expect(asked).toMatchObject([
      {
        messagesJson: JSON.stringify(messages),
        toolsJson: expect.stringContaining('"f"'),
        continueFinalMessage: false,
      },
      { messagesJson: JSON.stringify(begun), toolsJson: '', continueFinalMessage: true, noTurn: false },
      { messagesJson: JSON.stringify(messages), noTurn: true },
      { text: 'x', withoutBegin: true },
    ]);
  });

  it.each([
    [{}, 'prompt', 'is required'],
    [{ prompt: 5 }, 'prompt', 'must be'],
    [{ prompt: 'a', messages }, 'messages', 'must not come with prompt'],
    [{ prompt: 'a', tools: [] }, 'tools', 'must come with messages'],
    [{ messages: [] }, 'messages', 'at least 1'],
    [{ messages, add_special_tokens: true }, 'add_special_tokens', 'not supported'],
    [{ messages, add_generation_prompt: true, continue_final_message: true }, 'add_generation_prompt', 'must be false'],
    [{ prompt: 'a', chat_template: 'x' }, 'chat_template', ''],
    [{ prompt: 'a', model: 'other' }, 'model', 'not served'],
  ])('refuses %j', async (body, param, words) => {
    await start();
    const answer = await post('/tokenize', body);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body.error).toMatchObject({ param, message: expect.stringContaining(words) });
  });

  it("says what a worker refuses in the caller's words", async () => {
    const refusal = { code: 'invalid_request', message: 'text has 9 characters', grpcStatus: status.INVALID_ARGUMENT };
    await start({ fakes: [{ onTokenize: () => ({ ...refusal, field: 'text' }) }] });
    expect(await post('/tokenize', { prompt: 'a' })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request', param: 'prompt', message: 'prompt has 9 characters' } },
    });
  });

  it('asks another worker where one does not answer, and says so where none does', async () => {
    const lost = { code: 'worker_lost', message: 'gone', grpcStatus: status.UNAVAILABLE };
    await start({ fakes: [{ onTokenize: () => lost }, {}] });
    for (let i = 0; i < 3; i++) expect((await post('/tokenize', { prompt: 'a' })).status).toBe(200);
    await gateway.stop();
    await start({ fakes: [{ onTokenize: () => lost }] });
    expect((await post('/tokenize', { prompt: 'a' })).body.error).toMatchObject({ code: 'worker_lost' });
  });

  it('says that another server tells nothing of tokens', async () => {
    const upstream = await startFakeUpstream({ models: ['fake/model'] });
    await start({ fakes: [], workers: [upstream.url] });
    expect((await post('/tokenize', { prompt: 'a' })).body.error).toMatchObject({
      code: 'unsupported_parameter',
      param: 'model',
    });
    await upstream.close();
  });
});

describe('POST /detokenize', () => {
  it('answers as vLLM does', async () => {
    await start();
    expect(await post('/detokenize', { tokens: [104, 105] })).toEqual({ status: 200, body: { prompt: 'hi' } });
    expect(await post('/detokenize', { tokens: [] })).toEqual({ status: 200, body: { prompt: '' } });
  });

  it.each([
    [{}, 'tokens'],
    [{ tokens: 'a' }, 'tokens'],
    [{ tokens: [1, 'a'] }, 'tokens[1]'],
    [{ tokens: [-1] }, 'tokens[0]'],
    [{ tokens: [2 ** 32] }, 'tokens[0]'],
  ])('refuses %j', async (body, param) => {
    await start();
    expect(await post('/detokenize', body)).toMatchObject({ status: 400, body: { error: { param } } });
  });
});

describe('GET /version and /props', () => {
  it('tell the version and what the model is like', async () => {
    await start({ fakes: [{ embeddingLength: 8 }, {}] });
    const version = (await (await fetch(`${gateway.url}/version`)).json()) as { version: string };
    expect(version.version).toMatch(/^\d+\.\d+\.\d+$/);
    const props = await (await fetch(`${gateway.url}/props?model=fake/model`)).json();
    expect(props).toMatchObject({
      weights: 'q8',
      kernels: 'own',
      kv: 'q8',
      default_generation_settings: { n_ctx: 256 },
      total_slots: 2 * (idleLoad.slotsMax ?? 0),
      model_path: 'fake/model',
      build_info: `sluice ${version.version}`,
      n_vocab: 1000,
      end_token_ids: [0],
      fill_in: null,
    });
  });

  it('refuse other methods, and models and questions that are not there', async () => {
    await start();
    expect((await gateway.post('/props', {})).status).toBe(405);
    expect((await fetch(`${gateway.url}/tokenize`)).status).toBe(405);
    expect((await fetch(`${gateway.url}/props?model=other`)).status).toBe(404);
    expect((await fetch(`${gateway.url}/props?autoload=1`)).status).toBe(400);
  });
});

describe('with API keys', () => {
  it('keeps scopes, models and requests per minute', async () => {
    const { key, ...proof } = makeKey(new Uint8Array(32).fill(3), new Uint8Array(8).fill(4));
    const keysFile = path.join(folder, 'keys.json');
    const write = (terms: object): void => {
      const scopes = ['inference', 'models', 'metrics'];
      writeFileSync(keysFile, JSON.stringify({ keys: [{ name: 'alice', ...proof, scopes, ...terms }] }));
    };
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const ask = async (terms: object, times = 1): Promise<number[]> => {
      write(terms);
      await start({ keysFile, probeHeaders: { authorization: headers.authorization } });
      const codes: number[] = [];
      for (let i = 0; i < times; i++)
        codes.push((await gateway.post('/tokenize', { prompt: 'a' }, { headers })).status);
      codes.push((await fetch(`${gateway.url}/props`, { headers })).status);
      await gateway.stop();
      return codes;
    };
    expect(await ask({})).toEqual([200, 200]);
    expect(await ask({ scopes: ['metrics'] })).toEqual([403, 403]);
    expect(await ask({ models: ['other'] })).toEqual([403, 403]);
    expect(await ask({ requestsPerMinute: 1 }, 2)).toEqual([200, 429, 200]);
    await start({ keysFile, probeHeaders: { authorization: headers.authorization } });
    expect((await gateway.post('/detokenize', { tokens: [] })).status).toBe(401);
    expect((await fetch(`${gateway.url}/version`)).status).toBe(401);
  });
});
