import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestGateway } from '../../packages/gateway/src/test-support/start-test-gateway.js';
import { startWorker } from '../../packages/worker/src/io/start-worker.js';
import { cacheIn } from '../support/cache-in.js';
import { tinyModel } from '../support/tiny-model.js';

// A worker that ends leaves behind what its passes cost, and the next one begins with it; the first one finds it out.

vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-remembered-'));
const model = path.join(folder, 'tiny.gguf');
const cacheBefore = process.env.SLUICE_CACHE;

beforeAll(() => {
  process.env.SLUICE_CACHE = cacheIn(folder);
  writeFileSync(model, tinyModel(7, { contextTokens: 512 }).gguf);
});

afterAll(() => {
  if (cacheBefore === undefined) delete process.env.SLUICE_CACHE;
  else process.env.SLUICE_CACHE = cacheBefore;
  rmSync(folder, { recursive: true, force: true });
});

/** The life of a worker that answers once; what it expected its first pass to take. */
async function life(answerTokens: number): Promise<number> {
  const predictions: number[] = [];
  const worker = await startWorker({
    model,
    host: '127.0.0.1',
    port: 0,
    threads: 2,
    weights: 'f32',
    speculation: 'off',
    prefixCache: true,
    context: 512,
    slots: 4,
    kvTokens: 1024,
    onStep: ({ predictedMs }) => predictions.push(predictedMs),
    onFatal: (cause) => {
      throw cause;
    },
  });
  try {
    const gateway = await startTestGateway({ fakes: [], workers: [worker.address] });
    try {
      const response = await fetch(`${gateway.url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: worker.model,
          prompt: 'abc',
          max_tokens: answerTokens,
          min_tokens: answerTokens,
        }),
      });
      expect(response.status, await response.text()).toBe(200);
    } finally {
      await gateway.stop();
    }
  } finally {
    await worker.drain();
    await worker.close();
  }
  return predictions[0]!;
}

const memo = (): string => path.join(folder, 'pass-costs', readdirSync(path.join(folder, 'pass-costs'))[0]!);

describe('A worker', () => {
  it('expects of its first pass what the one before it has learnt, or else what probes took', async () => {
    const probedMs = await life(8);
    expect(() => memo()).toThrow('ENOENT');
    // A guess would be the same one.
    expect(await life(8)).not.toBe(probedMs);

    await life(100);
    const learnt = JSON.parse(readFileSync(memo(), 'utf8'));
    const [baseMs] = learnt.cost.whole.coefficients;

    // Told of a base of a minute, it expects a minute.
    learnt.cost.whole.coefficients[0] = baseMs + 60_000;
    // A lone sequence cannot be shared out, so nothing is tried: what it writes down is what it was told, less four.
    learnt.choice.trials = { chunks: 16, decodes: 9 };
    writeFileSync(memo(), JSON.stringify(learnt));
    expect(await life(8)).toBeGreaterThan(60_000);
    await life(100);
    expect(JSON.parse(readFileSync(memo(), 'utf8')).choice.trials).toEqual({ chunks: 12, decodes: 5 });

    writeFileSync(memo(), JSON.stringify(learnt).slice(0, 99));
    expect(await life(8)).toBeLessThan(60_000);
  });
});
