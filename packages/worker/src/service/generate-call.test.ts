import { once } from 'node:events';
import { type ServiceError, status } from '@grpc/grpc-js';
import { type GenerateEvent, type GenerateRequestInit, statusToError } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { joined, request } from './test-support/test-gateway.js';
import { startTestWorker, type TestWorker } from './test-support/test-worker.js';

let worker: TestWorker;

beforeEach(async () => {
  worker = await startTestWorker({ limits: { pendingBytesMax: 2_000 } });
});

afterEach(() => worker.close());

describe('Generate', () => {
  it('streams the tokens of one request and ends', async () => {
    const call = worker.client.generate(request('abc'));
    const events: GenerateEvent[] = [];
    for await (const event of call) {
      events.push(event as GenerateEvent);
      worker.engine.step();
    }
    expect(events[0]?.accepted).toEqual({ promptTokens: 3 });
    expect(events.map((event) => event.text)).toEqual(['', 'c', 'b', 'a', '']);
    expect(joined(events).finished).toMatchObject({ reason: 'FINISH_REASON_LENGTH', completionTokens: 3 });
  });

  it('cancels the request when the client leaves', async () => {
    const call = worker.client.generate(request('abc'));
    await once(call, 'data');
    call.on('error', () => {});
    call.cancel();
    // Answered over the same connection, so after the cancel.
    await new Promise((resolve) => worker.client.getLoad({}, resolve));
    expect(worker.engine.cancelled).toEqual(['1']);
  });

  it('ends with the status of a failure, after the tokens before it', async () => {
    const call = worker.client.generate(request('abc'));
    const texts: string[] = [];
    call.on('data', (event: GenerateEvent) => {
      texts.push(event.text);
      if (event.accepted === null) worker.engine.fail(new ServingError('engine_failed', 'the pass failed'));
      else worker.engine.step();
    });
    const [error] = (await once(call, 'error')) as [ServiceError];
    expect(error.code).toBe(status.INTERNAL);
    expect(statusToError(error)).toMatchObject({ code: 'engine_failed', message: 'the pass failed' });
    expect(texts).toEqual(['', 'c']);
  });

  it('cuts a client that does not read, and cancels the request', async () => {
    worker.engine.answer = () => new Array<number>(60).fill(97);
    const call = worker.client.generate(request('x', { tokensMax: 0, logprobs: true, logprobsTop: 20 }));
    const error = once(call, 'error');
    await once(call, 'metadata');
    worker.engine.step(40);
    expect(worker.engine.cancelled).toEqual(['1']);
    call.resume();
    expect((await error)[0]).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  // Field, value and bound of everything that can be wrong, as they reach a client.
  it.each<[GenerateRequestInit, string, string]>([
    [{ prompt: undefined as never, text: undefined as never }, 'prompt', 'prompt is missing'],
    [{ text: '' }, 'prompt', 'at least one token'],
    [{ prompt: 'tokenIds', tokenIds: { ids: [] } }, 'prompt', 'at least one token'],
    [{ prompt: 'tokenIds', tokenIds: { ids: [1, 259] } }, 'prompt[1]', '259 must be below'],
    [{ prompt: 'messagesJson', messagesJson: '[{' }, 'messages', 'not JSON'],
    [{ prompt: 'messagesJson', messagesJson: '{}' }, 'messages', 'list'],
    [{ prompt: 'messagesJson', messagesJson: '[]' }, 'messages', '0 messages'],
    [{ prompt: 'messagesJson', messagesJson: '[7]' }, 'messages[0]', 'object'],
    [{ sampling: null }, 'sampling', 'missing'],
    [sampling({ temperature: -1 }), 'temperature', '-1 must be at least 0'],
    [sampling({ temperature: Number.NaN }), 'temperature', 'NaN must be from 0 to 100'],
    [sampling({ temperature: 101 }), 'temperature', '101 must be at most 100'],
    [sampling({ topP: 0 }), 'top_p', 'above 0'],
    [sampling({ topP: 1.5 }), 'top_p', '1.5 must be at most 1'],
    [sampling({ minP: -0.5 }), 'min_p', '-0.5 must be at least 0'],
    [sampling({ repetitionPenalty: 0 }), 'repetition_penalty', 'above 0'],
    [sampling({ presencePenalty: 2.5 }), 'presence_penalty', '2.5 must be at most 2'],
    [sampling({ frequencyPenalty: Number.POSITIVE_INFINITY }), 'frequency_penalty', 'Infinity must be at most 2'],
    [sampling({ seed: '18446744073709551615' }), 'seed', 'at most 9007199254740991'],
    [sampling({ logitBias: [{ tokenId: 300, bias: 1 }] }), 'logit_bias', '300 must be below'],
    [sampling({ logitBias: [{ tokenId: 3, bias: 200 }] }), 'logit_bias[3]', '200 must be at most 100'],
    [sampling({ logitBias: [{ tokenId: 3 }, { tokenId: 3 }] }), 'logit_bias', 'more than once'],
    [sampling({ logitBias: new Array(1_025).fill({}) }), 'logit_bias', 'at most 1024'],
    [{ stopStrings: [''] }, 'stop_strings[0]', 'empty'],
    [{ stopStrings: new Array(17).fill('x') }, 'stop_strings', '17 strings; at most 16'],
    [{ stopStrings: ['x'.repeat(1_025)] }, 'stop_strings[0]', '1025 characters; at most 1024'],
    [{ stopTokenIds: [4_000_000_000] }, 'stop_token_ids[0]', '4000000000 must be below'],
    [{ logprobs: true, logprobsTop: 21 }, 'logprobs_top', '21 must be at most 20'],
    [{ logprobsTop: 2 }, 'logprobs_top', 'needs logprobs or prompt_logprobs'],
    [{ promptLogprobs: true, logprobsTop: 21 }, 'logprobs_top', '21 must be at most 20'],
    [{ pooling: 7 as never }, 'pooling', 'pooling 7 must be POOLING_MEAN or POOLING_LAST'],
    [{ pooling: 'POOLING_MEAN', tokensMax: 1 }, 'tokens_max', '1 must be 0 where nothing is generated'],
    [{ noGeneration: true, tokensMax: 16 }, 'tokens_max', '16 must be 0'],
    [{ noGeneration: true, tokensMax: 0, tokensMin: 2 }, 'tokens_min', '2 must be 0'],
    [{ noGeneration: true, tokensMax: 0, generatedTokenIds: [1] }, 'generated_token_ids', '1 tokens must be 0'],
    [{ tokensMax: 4, tokensMin: 5 }, 'tokens_min', '5 must be at most 4'],
    [{ tokensMax: 0, tokensMin: 61 }, 'tokens_min', '61 must be at most 60'],
    [{ toolsJson: '[]' }, 'tools_json', 'needs a prompt of messages_json'],
    [{ continueFinalMessage: true }, 'continue_final_message', 'needs a prompt of messages_json'],
    [
      { prompt: 'messagesJson', messagesJson: '[{"role":"user","content":"x"}]', continueFinalMessage: true },
      'continue_final_message',
      'needs a last message of the assistant',
    ],
    [{ requestId: 'x'.repeat(257) }, 'request_id', '257 characters; at most 256'],
  ])('refuses %j', async (overrides, field, words) => {
    const error = await refusalOf(overrides);
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(statusToError(error)).toMatchObject({
      code: 'invalid_request',
      field,
      message: expect.stringContaining(words),
    });
    expect(worker.engine.submitted).toEqual([]);
  });

  it.each<[string, GenerateRequestInit, string, string]>([
    ['a prompt that fills the context', { text: 'x'.repeat(64) }, 'prompt', 'prompt: 64 tokens must be at most 63'],
    ['output that does not fit', { tokensMax: 61 }, 'tokens_max', 'tokens_max 61 must be at most 60'],
    ['an absurd output', { tokensMax: 4_294_967_295 }, 'tokens_max', '4294967295 must be at most 60'],
    ['a text that no tokenizer need see', { text: 'x'.repeat(5_000_000) }, 'prompt', 'prompt: 5000000 characters'],
  ])('refuses %s with the numbers', async (_case, overrides, field, words) => {
    const error = await refusalOf(overrides);
    expect(statusToError(error)).toMatchObject({
      code: 'context_length_exceeded',
      field,
      message: expect.stringContaining(words),
    });
    // Clients know these words.
    expect(statusToError(error)?.message).toContain("this model's maximum context length is 64 tokens");
  });

  it('takes what the context leaves when no limit is given', async () => {
    worker.client.generate(request('abcd', { tokensMax: 0 })).on('error', () => {});
    const last = worker.client.generate(request('x'.repeat(63), { tokensMax: 1 }));
    await once(last, 'data');
    last.on('error', () => {});
    expect(worker.engine.submitted.map(({ tokensMax }) => tokensMax)).toEqual([60, 1]);
  });
});

function sampling(overrides: NonNullable<GenerateRequestInit['sampling']>): GenerateRequestInit {
  return { sampling: { temperature: 0, topP: 1, repetitionPenalty: 1, ...overrides } };
}

async function refusalOf(overrides: GenerateRequestInit): Promise<ServiceError> {
  const call = worker.client.generate(request('abcd', overrides));
  call.on('data', () => {});
  const [error] = (await once(call, 'error')) as [ServiceError];
  return error;
}
