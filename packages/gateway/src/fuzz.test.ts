import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seededRng } from '@sluice/shared';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type FakeRun, finished, helloScript } from './test-support/fake-worker.js';
import { fuzzBodies } from './test-support/fuzz-bodies.js';
import { garble, mutate } from './test-support/mutate.js';
import { startTestGateway, type TestGateway } from './test-support/start-test-gateway.js';

/** How many bodies: those of some 20 s of CPU time. `SLUICE_FUZZ_BODIES=20000` tries more, `SLUICE_FUZZ_SEED=7` others. */
const BODIES = Number(process.env.SLUICE_FUZZ_BODIES ?? 6_000);
const SEED = Number(process.env.SLUICE_FUZZ_SEED ?? 20_261_121);
/** Requests under way side by side. */
const LANES = 16;
const MIB = 2 ** 20;

vi.setConfig({ testTimeout: 60_000 + BODIES * 20 });

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ fakes: [{ onSubmit: answer, embeddingLength: 2 }] });
});
afterAll(async () => gateway.stop());

function answer(run: FakeRun): void {
  const { pooling } = run.request;
  if (pooling !== 'POOLING_MEAN' && pooling !== 'POOLING_LAST') {
    helloScript(run);
    return;
  }
  run.send({ accepted: { promptTokens: 7 } });
  const promptReport = { logprobs: [], embedding: [0.6, 0.8] };
  run.send({ promptReport, finished: finished('FINISH_REASON_LENGTH', 0) });
}

describe('a body that chance has changed', () => {
  it('is good as it was', async () => {
    for (const [path, body] of Object.entries(fuzzBodies)) {
      const response = await gateway.post(path, body);
      expect(`${path} ${response.status} ${response.status === 200 ? '' : await response.text()}`).toBe(`${path} 200 `);
      await response.text().catch(() => '');
    }
  });

  it('gets an answer or an error of its own fault, never one of ours, and leaves nothing behind', async () => {
    const rng = seededRng(SEED);
    const paths = Object.keys(fuzzBodies);
    const statuses = new Map<number, number>();
    let sent = 0;
    const send = async (): Promise<void> => {
      while (sent < BODIES) {
        const path = paths[sent % paths.length]!;
        const good = fuzzBodies[path];
        const body = rng.below(3) === 0 ? garble(JSON.stringify(good), rng) : JSON.stringify(mutate(good, rng));
        sent += 1;
        // Whoever hangs for a minute hangs.
        const response = await gateway.post(path, body, { signal: AbortSignal.timeout(60_000) });
        const reply = await response.text();
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        if (response.status === 200) continue;
        if (response.status < 400 || response.status >= 500 || !/"message":"/.test(reply)) {
          throw new Error(`${path} ${body} got ${response.status} ${reply}`);
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, send));
    // Chance that never makes a good body or a bad one tests nothing.
    expect(statuses.get(200)).toBeGreaterThan(BODIES / 30);
    expect(statuses.get(400)).toBeGreaterThan(BODIES / 3);
    await expectEmpty();
  });

  it('leaves no memory behind', async () => {
    const rng = seededRng(SEED + 1);
    const round = async (): Promise<number> => {
      for (let index = 0; index < BODIES / 20; index++) {
        const path = '/v1/chat/completions';
        await (await gateway.post(path, JSON.stringify(mutate(fuzzBodies[path], rng)))).text();
      }
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    await round();
    const before = await round();
    expect((await round()) - before).toBeLessThan(16 * MIB);
  });
});

/** No request, no byte of a body and nothing on a worker is left; a relay's last message may be on its way. */
async function expectEmpty(): Promise<void> {
  const gauges = ['requests_in_flight', 'body_bytes', 'worker_requests_in_flight'];
  const pattern = new RegExp(`^sluice_gateway_(?:${gauges.join('|')})(?:\\{[^}]*\\})? (\\d+)$`, 'gm');
  await vi.waitFor(async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    const values = [...text.matchAll(pattern)].map(([, value]) => Number(value));
    expect(values).toEqual(gauges.map(() => 0));
  }, 10_000);
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
