import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { healthServiceDefinition, statusToError, workerHealthName } from '@sluice/proto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { request, TestGateway } from './test-support/test-gateway.js';
import { startTestWorker, type TestWorker } from './test-support/test-worker.js';

let worker: TestWorker;

beforeEach(async () => {
  worker = await startTestWorker();
});

afterEach(() => worker.close());

describe('WorkerServer', () => {
  it('tokenizes text and messages, and detokenizes', async () => {
    expect(await unary('tokenize', { text: 'hi' })).toEqual({ ids: [104, 105], text: '', tokens: [] });
    const chat = await unary('tokenize', { messagesJson: '[{"role":"user","content":"hi"}]' });
    const { ids } = chat as { ids: number[] };
    expect(ids).toContain(257);
    expect(chat).toMatchObject({ text: expect.stringContaining('user hi'), tokens: [] });
    const unopened = await unary('tokenize', { messagesJson: '[{"role":"user","content":"hi"}]', noTurn: true });
    expect(unopened).toMatchObject({ text: expect.stringMatching(/<\|im_end\|>$/) });
    const spelt = await unary('tokenize', { text: 'hi', withTokens: true });
    expect(spelt).toMatchObject({ tokens: [Buffer.from('h'), Buffer.from('i')] });
    expect(await unary('detokenize', { ids: [104, 105] })).toEqual({ text: 'hi' });
  });

  it('refuses what cannot be tokenized or detokenized', async () => {
    await expect(unary('tokenize', {})).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    const error: ServiceError = await unary('detokenize', { ids: [1, 999] }).then(undefined, (thrown) => thrown);
    expect(statusToError(error)).toMatchObject({ code: 'invalid_request', field: 'ids[1]' });
  });

  it('tells its model and its load', async () => {
    expect(await unary('getModelInfo', {})).toMatchObject({ name: 'bytes', contextTokens: 64 });
    expect(await unary('getLoad', {})).toMatchObject({ state: 'WORKER_STATE_READY', slotsMax: 16 });
  });

  it('drains: refuses newcomers, tells everybody, lets the running ones end, then answers', async () => {
    const gateway = new TestGateway(worker.client);
    await gateway.attach();
    gateway.submit(1, request('ab'));
    await gateway.deltas();
    expect(await healthStatus(worker.address)).toBe('SERVING');
    let hasDrained = false;
    const drained = unary('drain', {}).then(() => {
      hasDrained = true;
    });
    expect((await gateway.frame()).load?.state).toBe('WORKER_STATE_DRAINING');
    expect(await healthStatus(worker.address)).toBe('NOT_SERVING');
    gateway.submit(2, request('ab'));
    expect((await gateway.outcome(2)).failed).toMatchObject({ code: 'draining' });
    worker.engine.step(2);
    await gateway.deltas();
    expect(hasDrained).toBe(false);
    worker.engine.step();
    expect((await gateway.outcome(1)).finished).toMatchObject({ completionTokens: 2 });
    await drained;
    await unary('drain', {});
  });

  it('hands over what still runs at the deadline of a drain, without the text that it held back', async () => {
    const gateway = new TestGateway(worker.client);
    await gateway.attach();
    worker.engine.answer = () => [...Buffer.from('ab')];
    gateway.submit(1, request('q', { stopStrings: ['bc'] }));
    await gateway.deltas();
    const drained = worker.server.drain(500);
    worker.engine.step(2);
    await gateway.deltas();
    worker.clock.advance(500);
    const handedOver = await gateway.outcome(1);
    expect(handedOver).toMatchObject({ text: '', failed: { code: 'draining' } });
    worker.engine.step();
    await drained;
    expect(worker.engine.liveCount).toBe(0);
  });

  it('says which port is in use', async () => {
    const port = Number(worker.address.split(':')[1]);
    const other = await startTestWorker();
    await expect(other.server.listen('127.0.0.1', port)).rejects.toMatchObject({
      message: `cannot listen on 127.0.0.1:${port}: it is in use`,
    });
    await other.close();
  });

  it('ends its streams with a status when it closes', async () => {
    const gateway = new TestGateway(worker.client);
    await gateway.attach();
    gateway.submit(1, request('ab'));
    await gateway.deltas();
    const closed = worker.server.close(1_000);
    expect(await gateway.ending()).toMatchObject({ code: status.UNAVAILABLE });
    expect(worker.engine.cancelled).toEqual(['1']);
    worker.client.close();
    await closed;
  });

  it('keeps the requests of two gateways apart, whatever ids they choose', async () => {
    const [left, right] = [new TestGateway(worker.client), new TestGateway(worker.client)];
    await left.attach();
    await right.attach();
    left.submit(1, request('ab'));
    right.submit(1, request('xy'));
    await left.deltas();
    await right.deltas();
    worker.engine.step(3);
    expect((await left.outcome(1)).text).toBe('ba');
    expect((await right.outcome(1)).text).toBe('yx');
  });
});

function unary(
  method: 'tokenize' | 'detokenize' | 'getModelInfo' | 'getLoad' | 'drain',
  input: object,
): Promise<object> {
  return new Promise((resolve, reject) => {
    const answered = (error: ServiceError | null, reply?: object): void => {
      if (error === null) resolve(reply ?? {});
      else reject(error);
    };
    const call: (input: object, callback: typeof answered) => unknown = worker.client[method].bind(worker.client);
    call(input, answered);
  });
}

/** As any standard health probe asks. */
function healthStatus(address: string): Promise<string> {
  const client = new Client(address, credentials.createInsecure());
  const check = healthServiceDefinition.Check;
  if (check === undefined) throw new Error('the health service has a method Check');
  return new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = check;
    const asked = { service: workerHealthName };
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, asked, (error, reply) => {
      client.close();
      if (error === null) resolve((reply as { status: string }).status);
      else reject(error);
    });
  });
}
