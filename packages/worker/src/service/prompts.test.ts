import type { GenerateRequestInit } from '@sluice/proto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { request, TestGateway } from './test-support/test-gateway.js';
import { startTestWorker, type TestWorker } from './test-support/test-worker.js';

let worker: TestWorker;
let gateway: TestGateway;

beforeEach(async () => {
  worker = await startTestWorker();
  gateway = new TestGateway(worker.client);
  await gateway.attach();
});

afterEach(() => worker.close());

const nothing: GenerateRequestInit = { tokensMax: 0, noGeneration: true };

describe('a request about its prompt', () => {
  it('gets log-probabilities of the prompt in order and in parts, then its tokens', async () => {
    gateway.submit(1, request('abc', { promptLogprobs: true, logprobsTop: 2, tokensMax: 1 }));
    await gateway.deltas();
    worker.engine.step();
    const [first] = await gateway.deltas();
    expect(first?.event?.promptReport?.logprobs).toEqual([
      { tokenId: 97, token: Buffer.from('a'), logprob: 0, top: [] },
      { tokenId: 98, token: Buffer.from('b'), logprob: -1, top: [] },
    ]);
    worker.engine.step(2);
    const rest = await gateway.outcome(1);
    expect(rest.promptReport?.logprobs).toMatchObject([{ tokenId: 99, logprob: -2 }]);
    expect(rest).toMatchObject({ text: 'c', logprobs: [], finished: { completionTokens: 1 } });
    expect(worker.engine.submitted[0]).toMatchObject({
      promptWish: { logprobsTop: 2, pooling: undefined },
      logprobsTop: undefined,
    });
  });

  it('ends without a token where none was asked for', async () => {
    worker.engine.cachedTokens = 2;
    gateway.submit(1, request('abc', { ...nothing, promptLogprobs: true }));
    await gateway.deltas();
    worker.engine.step(2);
    const outcome = await gateway.outcome(1);
    expect(outcome).toMatchObject({
      tokenIds: [],
      text: '',
      finished: { reason: 'FINISH_REASON_LENGTH', promptTokens: 3, completionTokens: 0, cachedTokens: 2 },
    });
    expect(outcome.promptReport?.logprobs.map(({ tokenId }) => tokenId)).toEqual([97, 98, 99]);
  });

  it('gets an embedding in its last event, and may fill the context', async () => {
    gateway.submit(1, request('x'.repeat(64), { tokensMax: 0, pooling: 'POOLING_LAST' }));
    await gateway.deltas();
    worker.engine.step(32);
    const outcome = await gateway.outcome(1);
    expect(outcome.promptReport?.logprobs).toEqual([]);
    expect(outcome.promptReport?.embedding.map((value) => Math.round(value * 10))).toEqual([6, 8]);
    expect(worker.engine.submitted[0]).toMatchObject({ tokensMax: 0, promptWish: { pooling: 'last' } });
  });

  it('hears nothing of a prompt that it did not ask about', async () => {
    gateway.submit(1, request('abc', nothing));
    await gateway.deltas();
    worker.engine.step(2);
    expect(await gateway.outcome(1)).toMatchObject({ promptReport: null, finished: { completionTokens: 0 } });
  });
});

describe('a group', () => {
  it('is one of its own stream', async () => {
    const other = new TestGateway(worker.client);
    await other.attach();
    for (const [index, stream] of [gateway, gateway, other].entries()) {
      stream.submit(index + 1, request('abc', { group: 1, tokensMin: 2 }));
      await stream.deltas();
    }
    gateway.submit(4, request('abc'));
    await gateway.deltas();
    const [one, two, three, four] = worker.engine.submitted;
    expect(one?.group).toBeDefined();
    expect(two?.group).toBe(one?.group);
    expect(three?.group).not.toBe(one?.group);
    expect(four?.group).toBeUndefined();
    expect(one?.tokensMin).toBe(2);
    other.cut();
  });
});

describe('no_turn', () => {
  it("leaves the assistant's turn unopened", async () => {
    const fields: GenerateRequestInit = { prompt: 'messagesJson', messagesJson: '[{"role":"user","content":"hi"}]' };
    gateway.submit(1, { ...request(''), ...fields, noTurn: true });
    await gateway.deltas();
    expect(worker.engine.submitted[0]?.promptIds.at(-1)).toBe(258);
  });
});

describe('continue_final_message', () => {
  it("goes on behind the assistant's last words, and leaves their end out", async () => {
    const messagesJson = JSON.stringify([
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'Sure: ' },
    ]);
    const fields: GenerateRequestInit = { prompt: 'messagesJson', messagesJson, tokensMax: 1 };
    gateway.submit(1, { ...request(''), ...fields, continueFinalMessage: true });
    await gateway.deltas();
    const [sequence] = worker.engine.submitted;
    const [start, end] = [257, 258];
    const bytes = (text: string): number[] => [...Buffer.from(text)].map((byte) => (byte === 32 ? 256 : byte));
    expect(sequence?.promptIds).toEqual([
      ...[start, ...bytes('user hi'), end],
      ...[start, ...bytes('assistant Sure: ')],
    ]);
  });
});
