import { afterEach, describe, expect, it } from 'vitest';
import { embeddings } from './openapi/answer-schemas.js';
import { startFakeUpstream } from './test-support/fake-upstream.js';
import { type FakeRun, finished, idleLoad, startFakeWorker } from './test-support/fake-worker.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './test-support/start-test-gateway.js';

let gateway: TestGateway;
afterEach(() => gateway.stop());

/** Two numbers that say what was embedded: how long its text is, or its first token id. */
function embed(run: FakeRun): void {
  const { text, tokenIds, pooling } = run.request;
  const first = text?.length ?? tokenIds?.ids[0] ?? 0;
  run.send({ accepted: { promptTokens: 7 } });
  run.send({
    promptReport: { logprobs: [], embedding: [first, pooling === 'POOLING_MEAN' ? 0.25 : 0.1] },
    finished: { ...finished('FINISH_REASON_LENGTH', 0), cachedTokens: 0 },
  });
}

const start = async (options: TestGatewayOptions = {}): Promise<void> => {
  gateway = await startTestGateway({ fakes: [{ onSubmit: embed, embeddingLength: 2 }], ...options });
};
const post = (body: unknown) => gateway.post('/v1/embeddings', body);
const errorOf = async (response: Response) => ((await response.json()) as { error: unknown }).error;

describe('POST /v1/embeddings', () => {
  it('answers as OpenAI does, each input a request of its own, in their order', async () => {
    await start();
    const response = await post({ input: ['abc', [5, 6], 'a'], model: 'fake/model', user: 'u' });
    expect(response.status).toBe(200);
    const body = await response.json();
    expect(embeddings.safeParse(body).success).toBe(true);
    expect(body).toEqual({
      object: 'list',
      data: [
        { object: 'embedding', index: 0, embedding: [3, 0.25] },
        { object: 'embedding', index: 1, embedding: [5, 0.25] },
        { object: 'embedding', index: 2, embedding: [1, 0.25] },
      ],
      model: 'fake/model',
      usage: { prompt_tokens: 21, total_tokens: 21 },
    });
    const [first] = gateway.worker.requests;
    expect(first).toMatchObject({ pooling: 'POOLING_MEAN', tokensMax: 0, generatedTokenIds: [] });
  });

  it.each([
    ['a string', 'ab', [[2, 0.25]]],
    ['token ids', [9, 8], [[9, 0.25]]],
    ['a list of one', ['ab'], [[2, 0.25]]],
  ])('takes %s', async (_, input, vectors) => {
    await start();
    const { data } = (await (await post({ input })).json()) as { data: { embedding: number[] }[] };
    expect(data.map(({ embedding }) => embedding)).toEqual(vectors);
  });

  it('writes 32-bit floats in base64', async () => {
    await start();
    const response = await post({ input: 'abc', encoding_format: 'base64', dimensions: 2, pooling: 'last' });
    const { data } = (await response.json()) as { data: { embedding: string }[] };
    const bytes = Buffer.from(data[0]!.embedding, 'base64');
    expect([bytes.length, bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([8, 3, Math.fround(0.1)]);
  });

  it('has so many inputs under way at once, and the others behind them', async () => {
    let most = 0;
    const open: FakeRun[] = [];
    const onSubmit = (run: FakeRun): void => {
      open.push(run);
      most = Math.max(most, open.length);
      if (open.length === 64) for (const one of open.splice(0)) embed(one);
    };
    const worker = await startFakeWorker({ embeddingLength: 2, onSubmit });
    worker.setLoad({ ...idleLoad, slotsMax: 1_000 });
    gateway = await startTestGateway({ fakes: [], workers: [worker.address] });
    const input = Array.from({ length: 192 }, (_, index) => 'x'.repeat(index + 1));
    const { data } = (await (await post({ input })).json()) as { data: { index: number; embedding: number[] }[] };
    worker.close();
    expect(most).toBe(64);
    expect(data.map(({ embedding }) => embedding[0])).toEqual(input.map((text) => text.length));
  });

  it('goes to another worker when one is lost', async () => {
    await start({
      fakes: [
        { onSubmit: () => gateway.workers[0]?.cut(), embeddingLength: 2 },
        { onSubmit: embed, embeddingLength: 2 },
      ],
    });
    for (let i = 0; i < 4; i++) expect((await post({ input: 'abc' })).status).toBe(200);
  });

  it("says what a worker refuses in the caller's words", async () => {
    await start({
      fakes: [
        {
          embeddingLength: 2,
          onSubmit: (run) => {
            const message = 'prompt: 400 tokens must be at most 256';
            run.send({ failed: { code: 'context_length_exceeded', message, field: 'prompt' } });
          },
        },
      ],
    });
    const response = await post({ input: ['abc', 'def'] });
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({
      code: 'context_length_exceeded',
      message: 'input: 400 tokens must be at most 256',
      param: 'input',
    });
  });

  it.each([
    [{}, 'input', 'is required'],
    [{ input: '' }, 'input', 'at least one token'],
    [{ input: [] }, 'input', 'at least one token'],
    [{ input: ['a', ''] }, 'input[1]', 'at least one token'],
    [{ input: ['a', 5] }, 'input[1]', 'must be a string'],
    [{ input: [1, -5] }, 'input[1]', 'must be at least 0'],
    [{ input: [1, 1000] }, 'input[1]', 'at most 999'],
    [{ input: Array(2049).fill('a') }, 'input', 'at most 2048'],
    [{ input: Array(257).fill(1) }, 'input', 'at most 256; this model'],
    [{ input: 'a\ud800' }, 'input', 'surrogate'],
    [{ input: 'a', dimensions: 3 }, 'dimensions', '3 must be 2'],
    [{ input: 'a', encoding_format: 'hex' }, 'encoding_format', 'must be'],
    [{ input: 'a', pooling: 'max' }, 'pooling', 'must be'],
    [{ input: 'a', temperature: 1 }, 'temperature', ''],
    [{ input: 'a', model: 'other' }, 'model', 'not served'],
  ])('refuses %j', async (body, param, words) => {
    await start();
    const response = await post(body);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(await errorOf(response)).toMatchObject({ param, message: expect.stringContaining(words) });
    expect(gateway.worker.requests).toEqual([]);
  });

  it('takes a prompt that fills the context', async () => {
    await start();
    expect((await post({ input: Array(256).fill(1) })).status).toBe(200);
  });

  it('says that a server gives none, and goes to one that does', async () => {
    await start({ fakes: [{ onSubmit: embed }] });
    expect(await errorOf(await post({ input: 'a' }))).toMatchObject({ code: 'unsupported_parameter', param: 'model' });
    await gateway.stop();
    const upstream = await startFakeUpstream({ models: ['fake/model'] });
    const worker = await startFakeWorker({ onSubmit: embed, embeddingLength: 2 });
    gateway = await startTestGateway({ fakes: [], workers: [upstream.url, worker.address] });
    for (let i = 0; i < 4; i++) expect((await post({ input: 'a' })).status).toBe(200);
    expect(upstream.runs).toEqual([]);
    worker.close();
    await upstream.close();
  });
});
