import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FakeRun } from './test-support/fake-worker.js';
import { readEvents, startTestGateway, type TestGateway } from './test-support/start-test-gateway.js';

// A gateway process whose place another one has taken.

let gateway: TestGateway;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

beforeEach(async () => {
  gateway = await startTestGateway({ fakes: [{ onSubmit: sayOneWord }] });
});

afterEach(() => gateway.stop());

/** And never ends. */
function sayOneWord(run: FakeRun): void {
  run.send({ accepted: { promptTokens: 7 } });
  run.send({ tokenIds: [1], text: 'Hello' });
}

/** One request on the connection that is kept. */
function getModels(): Promise<{ status: number | undefined; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const request = http.get(`${gateway.url}/v1/models`, { agent }, (reply) => {
      reply.resume();
      reply.on('end', () => resolve({ status: reply.statusCode, connection: reply.headers.connection }));
    });
    request.on('error', reject);
  });
}

describe('RunningGateway.retire', () => {
  it('serves what still comes on open connections, and closes them behind it', async () => {
    expect(await getModels()).toEqual({ status: 200, connection: 'keep-alive' });
    const retired = gateway.retire(5_000);
    expect(await getModels()).toEqual({ status: 200, connection: 'close' });
    await expect(getModels()).rejects.toThrow('ECONNREFUSED');
    await retired;
  });

  it('closes the connection behind a reply that was under way', async () => {
    const reply = gateway.chat();
    await gateway.worker.until(({ requests }) => requests.length === 1);
    const retired = gateway.retire(100);
    expect((await reply).headers.get('connection')).toBe('close');
    await retired;
  });

  it('ends what is left at the deadline with an error that its client sees', async () => {
    const reply = await gateway.chat({ stream: true });
    const retired = gateway.retire(100);
    expect((await readEvents(reply)).at(-1)).toMatchObject({ error: { code: 'draining' } });
    await retired;
  });
});
