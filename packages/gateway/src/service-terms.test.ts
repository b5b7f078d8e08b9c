import { ObjectiveOutcome } from '@sluice/proto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finished } from './test-support/fake-worker.js';
import { startTestGateway, type TestGateway } from './test-support/start-test-gateway.js';

let gateway: TestGateway;
let outcome: ObjectiveOutcome | undefined;

beforeEach(async () => {
  outcome = undefined;
  gateway = await startTestGateway({
    fakes: [
      {
        onSubmit: (run) => {
          const ttft = outcome === undefined ? {} : { ttft: outcome, tbt: 'OBJECTIVE_OUTCOME_MET' as const };
          run.send({ accepted: { promptTokens: 7 } });
          run.send({ tokenIds: [1], text: 'Hi', finished: { ...finished('FINISH_REASON_STOP', 1), ...ttft } });
        },
      },
    ],
  });
});
afterEach(async () => gateway.stop());

const chatWith = async (headers: Record<string, string>): Promise<Response> =>
  gateway.chat({}, { headers: { 'content-type': 'application/json', ...headers } });

describe('x-sluice headers', () => {
  it('reach the worker', async () => {
    await chatWith({ 'x-sluice-priority': 'high', 'x-sluice-ttft-ms': '1', 'x-sluice-tbt-ms': '3600000' });
    expect(gateway.worker.requests[0]?.terms).toEqual({
      priority: 'PRIORITY_HIGH',
      ttftMs: 1,
      tbtMs: 3_600_000,
      client: '',
    });
  });

  it('leave to the worker what they do not say', async () => {
    await chatWith({});
    expect(gateway.worker.requests[0]?.terms).toEqual({ priority: 'PRIORITY_NORMAL', ttftMs: 0, tbtMs: 0, client: '' });
  });

  it('tell clients apart by their credentials, which stay here', async () => {
    for (const authorization of ['Bearer one', 'Bearer two', 'Bearer one']) await chatWith({ authorization });
    const [one, two, again] = gateway.worker.requests.map((request) => request.terms?.client);
    expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(two).not.toBe(one);
    expect(again).toBe(one);
  });

  it.each([
    [{ 'x-sluice-ttft-ms': '0' }, 'x-sluice-ttft-ms: "0" must be a whole number of milliseconds from 1 to 3600000'],
    [{ 'x-sluice-ttft-ms': '3600001' }, 'x-sluice-ttft-ms: "3600001" must be a whole number of milliseconds from 1'],
    [{ 'x-sluice-tbt-ms': '-5' }, 'x-sluice-tbt-ms: "-5" must be'],
    [{ 'x-sluice-tbt-ms': '1e3' }, 'x-sluice-tbt-ms: "1e3" must be'],
    [{ 'x-sluice-tbt-ms': '' }, 'x-sluice-tbt-ms: an empty string must be'],
    [{ 'x-sluice-tbt-ms': '9'.repeat(400) }, 'x-sluice-tbt-ms: a string of 400 characters must be'],
    [{ 'x-sluice-priority': 'urgent' }, 'x-sluice-priority: "urgent" must be one of low, normal, high'],
  ])('are refused before any work when they make no sense: %j', async (headers, message) => {
    const response = await chatWith(headers);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string; param: string } };
    expect(error.message).toContain(message);
    expect(error.param).toBe(Object.keys(headers)[0]);
    expect(gateway.worker.requests).toEqual([]);
  });
});

describe('sluice_gateway_objectives_total', () => {
  it('counts what workers say of finished requests', async () => {
    const count = async (labels: string): Promise<number> => {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      return Number(new RegExp(`^sluice_gateway_objectives_total{${labels}} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
    };
    const [met, missed] = [ObjectiveOutcome.OBJECTIVE_OUTCOME_MET, ObjectiveOutcome.OBJECTIVE_OUTCOME_MISSED];
    for (outcome of [missed, undefined, met, missed]) {
      await (await chatWith({})).text();
    }
    expect(await count('objective="ttft",outcome="missed"')).toBe(2);
    expect(await count('objective="ttft",outcome="met"')).toBe(1);
    expect(await count('objective="tbt",outcome="met"')).toBe(3);
    expect(await count('objective="tbt",outcome="missed"')).toBe(0);
  });
});
