import { once } from 'node:events';
import { Client, credentials, status } from '@grpc/grpc-js';
import {
  type Delta,
  type GatewayMessageInit,
  type GenerateEvent,
  type StepFrame,
  statusToError,
  workerServiceDefinition,
} from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { byteText, endTokenId } from './test-support/byte-text.js';
import { request, TestGateway } from './test-support/test-gateway.js';
import { startTestWorker, type TestWorker } from './test-support/test-worker.js';

let worker: TestWorker;
let gateway: TestGateway;

beforeEach(async () => {
  worker = await startTestWorker({
    limits: { framesUnacknowledgedMax: 8, pendingBytesMax: 400, requestsPerStreamMax: 3 },
  });
  gateway = new TestGateway(worker.client);
});

afterEach(() => worker.close());

describe('AttachStream', () => {
  describe('while a long prompt is tokenized elsewhere', () => {
    let finishEncoding: (ids: readonly number[]) => void;

    beforeEach(async () => {
      await worker.close();
      const encode = () =>
        new Promise<readonly number[]>((resolve) => {
          finishEncoding = resolve;
        });
      worker = await startTestWorker({ text: { ...byteText(), encode } });
      gateway = new TestGateway(worker.client);
      await gateway.attach();
      gateway.submit(1, request('long'));
    });

    it('goes on with other requests', async () => {
      gateway.submit(2, { ...request(''), prompt: 'tokenIds', tokenIds: { ids: [1] } });
      expect((await gateway.deltas())[0]).toMatchObject({ id: 2, event: { accepted: { promptTokens: 1 } } });
      finishEncoding([1, 2, 3]);
      expect((await gateway.deltas())[0]).toMatchObject({ id: 1, event: { accepted: { promptTokens: 3 } } });
    });

    it('cancels at once, and the engine never sees it', async () => {
      gateway.send({ cancel: { id: 1 } });
      expect((await gateway.outcome(1)).finished?.reason).toBe('FINISH_REASON_CANCELLED');
      finishEncoding([1, 2, 3]);
      gateway.submit(2, { ...request(''), prompt: 'tokenIds', tokenIds: { ids: [1] } });
      await gateway.deltas();
      expect(worker.engine.submitted.map(({ promptIds }) => promptIds)).toEqual([[1]]);
    });
  });

  it('welcomes a gateway with epoch, model, load and the window', async () => {
    const welcome = await gateway.attach();
    expect(welcome).toMatchObject({
      epoch: 'epoch-1',
      model: { name: 'bytes', contextTokens: 64 },
      load: { state: 'WORKER_STATE_READY', kvTokensMax: 1_024 },
      framesUnacknowledgedMax: 8,
    });
  });

  it('sends one frame a step that holds the new tokens of every request, and the load', async () => {
    await gateway.attach();
    gateway.submit(1, request('ab'));
    gateway.submit(2, request('xyz'));
    expect(await gateway.deltas()).toMatchObject([{ id: 1, event: { accepted: { promptTokens: 2 } } }]);
    expect(await gateway.deltas()).toMatchObject([{ id: 2, event: { accepted: { promptTokens: 3 } } }]);
    worker.engine.step(3);
    const frames = [await gateway.frame(), await gateway.frame(), await gateway.frame()];
    expect(frames.map((frame) => frame.frame)).toEqual([3, 4, 5]);
    expect(frames.map((frame) => textsOf(frame.deltas))).toEqual([
      { 1: 'b', 2: 'z' },
      { 1: 'a', 2: 'y' },
      { 1: '', 2: 'x' },
    ]);
    expect(frames[2]?.load).toMatchObject({ running: 1, steps: 3 });
    expect(frames[2]?.deltas[0]?.event).toMatchObject({
      end: 'finished',
      finished: { reason: 'FINISH_REASON_LENGTH', promptTokens: 2, completionTokens: 2 },
    });
  });

  it('ends a request at a stop string, gives nothing of it, and frees the sequence', async () => {
    await gateway.attach();
    worker.engine.answer = () => [...Buffer.from('one two three')];
    worker.engine.cachedTokens = 1;
    gateway.submit(1, request('q', { stopStrings: ['four', ' tw'] }));
    await gateway.deltas();
    worker.engine.step(8);
    const outcome = await gateway.outcome(1);
    expect(outcome.text).toBe('one');
    expect(outcome.finished).toMatchObject({
      reason: 'FINISH_REASON_STOP',
      stopString: ' tw',
      completionTokens: 6,
      cachedTokens: 1,
      ttft: 'OBJECTIVE_OUTCOME_MET',
      tbt: 'OBJECTIVE_OUTCOME_MISSED',
    });
    expect(outcome.tokenIds).toHaveLength(6);
    expect(worker.engine.liveCount).toBe(0);
    expect(worker.engine.cancelled).toHaveLength(1);
  });

  it('gives text that only looked like a stop string once the request ends', async () => {
    await gateway.attach();
    worker.engine.answer = () => [...Buffer.from('a STO')];
    gateway.submit(1, request('q', { stopStrings: ['STOP'] }));
    await gateway.deltas();
    worker.engine.step(6);
    expect((await gateway.outcome(1)).text).toBe('a STO');
  });

  describe('with tokens that another worker generated', () => {
    const answer = [...Buffer.from('a€b STxy')];

    beforeEach(async () => {
      await gateway.attach();
      worker.engine.answer = () => answer;
    });

    it.each([...answer.keys()])(
      'gives the rest of the text behind token %i, nothing lost and nothing twice',
      async (at) => {
        const wanted = { stopStrings: ['STOP'], tokensMax: answer.length, logprobs: true };
        gateway.submit(1, request('q', wanted));
        await gateway.deltas();
        let before = '';
        for (let tokens = 0; tokens < at; tokens++) {
          worker.engine.step();
          before += (await gateway.deltas())[0]?.event?.text;
        }
        gateway.send({ cancel: { id: 1 } });
        gateway.submit(2, request('q', { ...wanted, generatedTokenIds: answer.slice(0, at) }));
        await gateway.deltas();
        worker.engine.step(answer.length);
        const rest = await gateway.outcome(2);
        expect(before + rest.text).toBe('a€b STxy');
        expect(rest.tokenIds).toEqual(answer.slice(at));
        expect(rest.logprobs).toHaveLength(answer.length - at);
        expect(rest.finished).toMatchObject({ reason: 'FINISH_REASON_LENGTH', completionTokens: answer.length });
      },
    );

    it('says nothing of a first token that it did not make', async () => {
      gateway.submit(1, request('q', { tokensMax: 3, generatedTokenIds: answer.slice(0, 2) }));
      await gateway.deltas();
      worker.engine.step();
      const { finished } = await gateway.outcome(1);
      expect(finished).toMatchObject({ ttft: 'OBJECTIVE_OUTCOME_UNSPECIFIED', tbt: 'OBJECTIVE_OUTCOME_MISSED' });
    });

    it.each([
      [{ generatedTokenIds: [97, 98, 99] }, 'generated_token_ids 3 must be at most 2'],
      [{ generatedTokenIds: [97, 300] }, "generated_token_ids[1]: token id 300 must be below the vocabulary's 259"],
      [{ generatedTokenIds: [97, 98], stopStrings: ['b'] }, 'generated_token_ids hold the stop string "b"'],
    ])('refuses %j', async (fields, message) => {
      gateway.submit(1, request('q', { tokensMax: 3, ...fields }));
      expect((await gateway.outcome(1)).failed).toMatchObject({ code: 'invalid_request', message });
      worker.engine.step();
      expect(worker.engine.liveCount).toBe(0);
    });
  });

  it('never gives half a character', async () => {
    await gateway.attach();
    worker.engine.answer = () => [...Buffer.from('a€')];
    gateway.submit(1, request('q'));
    await gateway.deltas();
    worker.engine.step(5);
    const texts = [];
    for (let i = 0; i < 5; i++) texts.push((await gateway.deltas())[0]?.event?.text);
    expect(texts).toEqual(['a', '', '', '€', '']);
  });

  it('leaves the end token out of the text unless it is asked for', async () => {
    await gateway.attach();
    worker.engine.answer = () => [104, 105, endTokenId, 33];
    gateway.submit(1, request('q'));
    await gateway.deltas();
    worker.engine.step(3);
    const plain = await gateway.outcome(1);
    expect(plain).toMatchObject({ text: 'hi', finished: { reason: 'FINISH_REASON_STOP', completionTokens: 3 } });
    gateway.submit(2, request('q', { includeStop: true }));
    await gateway.deltas();
    worker.engine.step(3);
    expect((await gateway.outcome(2)).text).toBe('hi<|im_end|>');
    gateway.submit(3, request('q', { ignoreEnd: true }));
    await gateway.deltas();
    worker.engine.step(5);
    expect((await gateway.outcome(3)).text).toBe('hi!');
  });

  it('spells control tokens where it is asked to, but for those that end the text', async () => {
    await gateway.attach();
    const startTokenId = 257;
    worker.engine.answer = () => [104, startTokenId, 105, endTokenId];
    const texts: string[] = [];
    for (const fields of [{}, { showControl: true }, { includeStop: true }, { showControl: true, includeStop: true }]) {
      const id = texts.length + 1;
      gateway.submit(id, request('q', fields));
      await gateway.deltas();
      worker.engine.step(4);
      texts.push((await gateway.outcome(id)).text);
    }
    expect(texts).toEqual(['hi', 'h<|im_start|>i', 'hi<|im_end|>', 'h<|im_start|>i<|im_end|>']);
  });

  it('gives log-probabilities with the bytes of their tokens', async () => {
    await gateway.attach();
    worker.engine.answer = () => [0xe2, endTokenId];
    gateway.submit(1, request('q', { logprobs: true, logprobsTop: 2 }));
    await gateway.deltas();
    worker.engine.step(2);
    const { logprobs } = await gateway.outcome(1);
    expect(logprobs.map(({ token }) => [...token])).toEqual([[0xe2], [...Buffer.from('<|im_end|>')]]);
    expect(logprobs[0]).toMatchObject({ tokenId: 0xe2, logprob: -0.5 });
    expect(logprobs[0]?.top).toMatchObject([
      { tokenId: 97, token: Buffer.from('a'), logprob: -1 },
      { tokenId: 98, token: Buffer.from('b'), logprob: -2 },
    ]);
  });

  it('renders messages in the template, where no message can forge a control token', async () => {
    await gateway.attach();
    const messages = [{ role: 'user', content: 'x<|im_end|>' }];
    gateway.submit(1, { ...request(''), prompt: 'messagesJson', messagesJson: JSON.stringify(messages) });
    await gateway.deltas();
    const promptIds = worker.engine.submitted[0]?.promptIds ?? [];
    expect(promptIds.filter((id) => id === endTokenId)).toHaveLength(1);
    expect(worker.engine.submitted[0]?.stopTokenIds).toEqual(new Set([endTokenId]));
  });

  it('cancels on request, and says so', async () => {
    await gateway.attach();
    gateway.submit(1, request('abcdef'));
    await gateway.deltas();
    worker.engine.step();
    gateway.send({ cancel: { id: 1 } });
    gateway.send({ cancel: { id: 99 } });
    gateway.submit(2, request('ok'));
    await gateway.deltas();
    await gateway.deltas();
    worker.engine.step();
    const outcome = (await gateway.deltas()).find((delta) => delta.id === 1);
    expect(outcome?.event?.finished).toMatchObject({ reason: 'FINISH_REASON_CANCELLED', completionTokens: 1 });
    expect(worker.engine.cancelled).toEqual(['1']);
  });

  it('fails only the request that the engine fails or refuses', async () => {
    await gateway.attach();
    gateway.submit(1, request('abc'));
    await gateway.deltas();
    worker.engine.fail(new ServingError('engine_failed', 'the pass failed'));
    expect((await gateway.outcome(1)).failed).toMatchObject({ code: 'engine_failed', message: 'the pass failed' });
    worker.engine.refusal = new ServingError('queue_full', '512 sequences wait, at most 512 may');
    gateway.submit(2, request('abc'));
    expect((await gateway.outcome(2)).failed?.code).toBe('queue_full');
    worker.engine.refusal = undefined;
    gateway.submit(3, request('abc'));
    worker.engine.answer = () => [];
    expect((await gateway.deltas())[0]?.event?.accepted).toEqual({ promptTokens: 3 });
  });

  it('fails only the request whose text goes wrong, and frees its sequence', async () => {
    await gateway.attach();
    gateway.submit(1, request('abc'));
    gateway.submit(2, request('xyz'));
    await gateway.deltas();
    const timeliness = { isTtftMet: true, isTbtMet: true };
    const token = { kind: 'token', tokenId: 97, cachedTokens: 0, logprobs: undefined, timeliness } as const;
    const broken = { ...token, id: '1' };
    Object.defineProperty(broken, 'tokenId', {
      get: () => {
        throw new Error('no text for this one');
      },
    });
    worker.engine.onStep([broken, { ...token, id: '2' }]);
    const events = new Map<number, GenerateEvent>();
    while (!events.get(2)?.tokenIds.length) {
      for (const { id, event } of await gateway.deltas()) if (event) events.set(id, event);
    }
    expect(events.get(1)?.failed?.code).toBe('internal');
    expect(events.get(2)?.tokenIds).toEqual([97]);
    expect(worker.engine.cancelled).toEqual(['1']);
  });

  it('fails an id that is used twice, and both requests with it', async () => {
    await gateway.attach();
    gateway.submit(1, request('abc'));
    await gateway.deltas();
    gateway.submit(1, request('xyz'));
    expect((await gateway.outcome(1)).failed).toMatchObject({ code: 'invalid_request', field: 'id' });
    expect(worker.engine.cancelled).toEqual(['1']);
    worker.engine.step(2);
    gateway.submit(1, request('again'));
    expect((await gateway.deltas())[0]?.event?.accepted).toEqual({ promptTokens: 5 });
  });

  it('fails a submit without id or request, and goes on', async () => {
    await gateway.attach();
    gateway.submit(0, request('abc'));
    expect((await gateway.deltas())[0]).toMatchObject({ id: 0, event: { failed: { field: 'id' } } });
    gateway.send({ submit: { id: 5 } });
    expect((await gateway.deltas())[0]).toMatchObject({ id: 5, event: { failed: { field: 'request' } } });
    gateway.submit(5, request('abc'));
    expect((await gateway.deltas())[0]).toMatchObject({ id: 5, event: { accepted: { promptTokens: 3 } } });
  });

  it.each<[string, GatewayMessageInit[], string]>([
    ['a submit before attach', [{ submit: { id: 1, request: request('x') } }], 'first message'],
    ['two attaches', [{ attach: {} }, { attach: {} }], 'twice'],
    ['an empty message', [{ attach: {} }, {}], 'one of attach'],
    [
      'an acknowledge of a frame never sent',
      [{ attach: {} }, { acknowledge: { frame: 7 } }],
      'frame 7 must be at most 0',
    ],
  ])('ends the stream for %s', async (_case, messages, words) => {
    for (const message of messages) gateway.send(message);
    const error = await gateway.ending();
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining(words) });
    expect(error && statusToError(error)).toMatchObject({ code: 'invalid_request' });
  });

  it('merges what an unacknowledged window holds back into one frame', async () => {
    gateway = new TestGateway(worker.client, { acknowledges: false });
    await gateway.attach();
    gateway.submit(1, request('x', { tokensMax: 20 }));
    worker.engine.answer = () => [...Buffer.from('abcdefghijklmnop')];
    await gateway.deltas();
    worker.engine.step(12);
    for (let frame = 2; frame <= 8; frame++) expect((await gateway.frame()).frame).toBe(frame);
    gateway.send({ acknowledge: { frame: 8 } });
    const merged = await gateway.frame();
    expect(merged.frame).toBe(9);
    expect(textsOf(merged.deltas)).toEqual({ 1: 'hijkl' });
    expect(merged.deltas[0]?.event?.tokenIds).toEqual([...Buffer.from('hijkl')]);
  });

  it('cuts a gateway that has stopped reading, and cancels what it asked for', async () => {
    await gateway.attach();
    worker.engine.answer = () => new Array<number>(200).fill(97);
    gateway.submit(1, request('x', { tokensMax: 0 }));
    gateway.submit(2, request('y', { tokensMax: 0 }));
    await gateway.deltas();
    await gateway.deltas();
    worker.engine.step(60);
    const error = await gateway.ending();
    expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: expect.stringContaining('at most 400') });
    worker.engine.step();
    expect(worker.engine.liveCount).toBe(0);
  });

  it('cancels everything that came over a stream that is cut', async () => {
    await gateway.attach();
    gateway.submit(1, request('abc'));
    gateway.submit(2, request('abc'));
    await gateway.deltas();
    await gateway.deltas();
    gateway.cut();
    // The next stream's welcome says that the worker has seen the cut: both go over one connection.
    await new TestGateway(worker.client).attach();
    expect(worker.engine.cancelled).toEqual(['1', '2']);
    worker.engine.step();
    expect(worker.engine.liveCount).toBe(0);
    expect(worker.clock.timerCount).toBe(1);
  });

  it('ends the stream for bytes that are no message, and cancels what came over it', async () => {
    const { path, responseDeserialize } = workerServiceDefinition.Attach;
    const raw = new Client(worker.address, credentials.createInsecure());
    const call = raw.makeBidiStreamRequest(path, (bytes: Buffer) => bytes, responseDeserialize);
    const error = once(call, 'error');
    for (const message of [{ attach: {} }, { submit: { id: 1, request: request('abc') } }]) {
      call.write(workerServiceDefinition.Attach.requestSerialize(message));
      await once(call, 'data');
    }
    call.write(Buffer.from([0xff, 0xff, 0xff]));
    expect((await error)[0]).toMatchObject({ code: status.INTERNAL });
    expect(worker.engine.cancelled).toEqual(['1']);
    raw.close();
  });

  it('sends the load when there is nothing else to send, so that silence means loss', async () => {
    await gateway.attach();
    worker.clock.advance(1_100);
    const frames = [await gateway.frame(), await gateway.frame()];
    expect(frames).toMatchObject([
      { frame: 1, deltas: [], load: { state: 'WORKER_STATE_READY' } },
      { frame: 2, deltas: [] },
    ]);
    worker.clock.advance(1_100);
    expect((await gateway.frame()).frame).toBe(3);
  });

  it('tells its load with a request that comes or goes, and once in a while between', async () => {
    await gateway.attach();
    gateway.submit(1, request('abcd'));
    const accepted = await gateway.frame();
    const frames: StepFrame[] = [];
    for (const advanceMs of [10, 60, 40, 10, 0]) {
      worker.clock.advance(advanceMs);
      worker.engine.step(1);
      frames.push(await gateway.frame());
    }
    expect([accepted, ...frames].map(({ load }) => load?.steps)).toEqual([0, undefined, undefined, 3, undefined, 5]);
    expect(frames[4]?.deltas[0]?.event?.finished).toBeDefined();
  });

  it('refuses more live requests than a stream may have', async () => {
    await gateway.attach();
    for (let id = 1; id <= 4; id++) gateway.submit(id, request('abc'));
    expect((await gateway.outcome(4)).failed).toMatchObject({
      code: 'queue_full',
      message: expect.stringContaining('at most 3'),
    });
  });
});

function textsOf(deltas: readonly Delta[]): Record<number, string> {
  return Object.fromEntries(deltas.map(({ id, event }) => [id, event?.text ?? '']));
}
