import { afterEach, describe, expect, it } from 'vitest';
import { type FakeRun, finished, idleLoad } from './test-support/fake-worker.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './test-support/start-test-gateway.js';

const busyLoad = { ...idleLoad, slotsMax: 1, running: 1, waiting: 1, prefillTokensPerSecond: 100 };

let gateway: TestGateway;
afterEach(async () => gateway.stop());

/** A gateway whose one worker runs one request and has another one waiting. */
async function startBusy(options: TestGatewayOptions = {}, onSubmit?: (run: FakeRun) => void): Promise<void> {
  gateway = await startTestGateway({ ...options, fakes: [onSubmit === undefined ? {} : { onSubmit }] });
  gateway.worker.setLoad(busyLoad);
  gateway.worker.beat();
  while ((await metric('sluice_worker_waiting_sequences')) !== 1);
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1]);
}

async function untilWaiting(count: number): Promise<void> {
  while ((await metric('sluice_gateway_waiting_requests')) !== count);
}

/** A chat of somebody. */
function chatOf(name: string, headers: Record<string, string> = {}, content = 'Hi'): Promise<Response> {
  const own = { 'content-type': 'application/json', authorization: `Bearer ${name}`, 'x-request-id': name, ...headers };
  return gateway.chat({ messages: [{ role: 'user', content }] }, { headers: own });
}

describe('requests that no worker could begin soon', () => {
  it('wait, and go to a worker as soon as it has room', async () => {
    await startBusy();
    const answer = chatOf('a');
    await untilWaiting(1);
    expect(gateway.worker.requests).toHaveLength(0);
    gateway.worker.setLoad(idleLoad);
    gateway.worker.beat();
    expect((await answer).status).toBe(200);
    expect(await metric('sluice_gateway_waiting_requests')).toBe(0);
  });

  it('are let in by class, and in turn by caller', async () => {
    await startBusy({}, () => {});
    const long = 'word '.repeat(800);
    const answers = [1, 2, 3].map(() => chatOf('flood', {}, long));
    await untilWaiting(3);
    answers.push(chatOf('other', {}, long));
    await untilWaiting(4);
    answers.push(chatOf('urgent', { 'x-sluice-priority': 'high' }));
    await untilWaiting(5);
    gateway.worker.setLoad({ ...idleLoad, slotsMax: 16 });
    gateway.worker.beat();
    await gateway.worker.until(({ requests }) => requests.length === 5);
    const order = gateway.worker.requests.map(({ requestId }) => requestId);
    expect(order[0]).toBe('urgent');
    expect(order.indexOf('other')).toBeLessThan(4);
    await gateway.close(0);
    await Promise.all(answers);
  });

  it('are refused with 429 beyond the bound, with the time in which there is room', async () => {
    await startBusy({ queueRequestsMax: 1 });
    gateway.worker.setLoad({ ...busyLoad, slotsMax: 16, prefillTokensWaiting: 660 });
    gateway.worker.beat();
    while ((await metric('sluice_worker_prefill_waiting_tokens')) !== 660);
    const waits = chatOf('a');
    await untilWaiting(1);
    const refused = await chatOf('b');
    expect(refused.status).toBe(429);
    // 660 tokens there and the 7 or so that wait, at 100 a second; slots are free.
    expect(refused.headers.get('retry-after')).toBe('7');
    expect(await refused.json()).toMatchObject({
      error: {
        code: 'queue_full',
        message: expect.stringContaining('1 requests wait for model "fake/model", at most 1 may'),
      },
    });
    await gateway.close(0);
    expect((await waits).status).toBe(503);
  });

  it('keep nobody else out by filling the line: the youngest of who takes most goes', async () => {
    await startBusy({ queueRequestsMax: 2 }, () => {});
    const first = chatOf('flood');
    await untilWaiting(1);
    const second = chatOf('flood');
    await untilWaiting(2);
    const other = chatOf('other');
    const refused = await second;
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).not.toBeNull();
    expect(await refused.json()).toMatchObject({ error: { code: 'queue_full' } });
    await gateway.close(0);
    expect([(await first).status, (await other).status]).toEqual([503, 503]);
  });

  it('are refused at the deadline that they name', async () => {
    await startBusy();
    const refused = await chatOf('a', { 'x-sluice-queue-ms': '50' });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ error: { code: 'deadline_exceeded' } });
    expect(gateway.worker.requests).toHaveLength(0);
    const wrong = await chatOf('b', { 'x-sluice-queue-ms': '0' });
    expect(wrong.status).toBe(400);
    expect(await wrong.json()).toMatchObject({ error: { param: 'x-sluice-queue-ms' } });
  });

  it('never reach a worker once their client has left', async () => {
    await startBusy();
    const leaving = new AbortController();
    const answer = gateway.chat({}, { signal: leaving.signal });
    await untilWaiting(1);
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await untilWaiting(0);
    gateway.worker.setLoad(idleLoad);
    gateway.worker.beat();
    expect((await chatOf('next')).status).toBe(200);
    expect(gateway.worker.requests.map(({ requestId }) => requestId)).toEqual(['next']);
  });
});

describe('a quote of the first-token time', () => {
  it('is in the head of the reply, and counted as held or broken', async () => {
    gateway = await startTestGateway();
    const response = await chatOf('a');
    expect(Number(response.headers.get('x-sluice-ttft-quote-ms'))).toBeGreaterThan(0);
    await response.text();
    const total = async () => (await quotes('held')) + (await quotes('broken'));
    while ((await total()) === 0);
    expect(await total()).toBe(1);
  });

  it('grows with what is in front of the request', async () => {
    gateway = await startTestGateway({ fakes: [{ onSubmit: answerLater }] });
    const quoteMs = async (): Promise<number> => Number((await chatOf('a')).headers.get('x-sluice-ttft-quote-ms'));
    const idle = await quoteMs();
    gateway.worker.setLoad({ ...idleLoad, prefillTokensWaiting: 4_000, prefillTokensPerSecond: 1_000 });
    gateway.worker.beat();
    while ((await metric('sluice_worker_prefill_waiting_tokens')) !== 4_000);
    expect(await quoteMs()).toBeGreaterThan(idle + 3_000);
  });
});

function quotes(outcome: 'held' | 'broken'): Promise<number> {
  return metric(`sluice_gateway_quotes_total\\{outcome="${outcome}"\\}`);
}

function answerLater(run: FakeRun): void {
  run.send({ accepted: { promptTokens: 7 } });
  run.send({ tokenIds: [1], text: 'Hello', finished: finished('FINISH_REASON_STOP', 1) });
}
