import { afterEach, describe, expect, it } from 'vitest';
import { type FakeRun, finished } from './test-support/fake-worker.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './test-support/start-test-gateway.js';

let gateway: TestGateway;
const start = async (options: TestGatewayOptions): Promise<void> => {
  gateway = await startTestGateway({ fakes: [{}, {}, {}, {}], ...options });
};
afterEach(() => gateway.stop());

/** Requests that each worker has got. */
const counts = (): number[] => gateway.workers.map(({ requests }) => requests.length);
const sorted = (): number[] => counts().sort((a, b) => b - a);

describe('a gateway that routes', () => {
  it('sends a session to one worker, by its header or else by its user', async () => {
    await start({ routing: 'session' });
    for (let i = 0; i < 6; i++) {
      await (
        await gateway.chat({}, { headers: { 'content-type': 'application/json', 'x-sluice-session': 's' } })
      ).text();
    }
    expect(sorted()).toEqual([6, 0, 0, 0]);
    const before = counts();
    for (let i = 0; i < 6; i++) await (await gateway.chat({ user: 'somebody else' })).text();
    expect(
      counts()
        .map((count, index) => count - before[index]!)
        .sort(),
    ).toEqual([0, 0, 0, 6]);
  });

  it('refuses a session without a name', async () => {
    await start({ routing: 'session' });
    const headers = { 'content-type': 'application/json', 'x-sluice-session': 'x'.repeat(300) };
    const response = await gateway.chat({}, { headers });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('x-sluice-session: of 300 characters must have 1 to 256');
  });

  it('goes round under round-robin', async () => {
    await start({ routing: 'round-robin' });
    for (let i = 0; i < 8; i++) await (await gateway.chat()).text();
    expect(counts()).toEqual([2, 2, 2, 2]);
  });

  it.each(['ttft', 'prefix'] as const)('sends a long prompt where it has been before, under %s', async (routing) => {
    const content = 'all work and no play makes a dull boy; '.repeat(100);
    // As a worker that has it from the second time on would say.
    const onSubmit = (run: FakeRun): void => {
      run.send({ accepted: { promptTokens: 1000 } });
      const end = { ...finished('FINISH_REASON_STOP', 1), promptTokens: 1000, cachedTokens: 990 };
      run.send({ tokenIds: [1], text: 'Hello', finished: end });
    };
    await start({ routing, fakes: Array(4).fill({ onSubmit }) });
    const messages = [{ role: 'user', content }];
    for (let i = 0; i < 6; i++) await (await gateway.chat({ messages })).text();
    expect(sorted()).toEqual([6, 0, 0, 0]);
  });

  it('counts its choices and predictions', async () => {
    await start({ routing: 'least-load' });
    await (await gateway.chat()).text();
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/sluice_gateway_routing_choices_total\{policy="least-load",worker="127.0.0.1:\d+"\} 1/);
    expect(metrics).toContain('sluice_gateway_routing_first_token_ratio_count 1');
    expect(metrics).toContain(`sluice_gateway_prefix_index_bytes_max ${64 * 2 ** 20}`);
  });
});
