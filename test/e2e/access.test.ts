import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cacheIn } from '../support/cache-in.js';
import { tinyModel } from '../support/tiny-model.js';
import { eventually, SluiceProcess, startUp, type UpServer } from './up-server.js';

// `sluice key` and `sluice up --keys` as an operator uses them, and what two of its callers get when one floods the other.

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-keys-'));
const keysFile = path.join(folder, 'keys.json');
const model = path.join(folder, 'tiny.gguf');

let up: UpServer;
let flooder: string;
let visitor: string;

beforeAll(async () => {
  const sizes = { layers: 6, hidden: 256, heads: 8, kvHeads: 4, headDim: 32, feedForward: 768 };
  writeFileSync(model, tinyModel(7, { ...sizes, matrixType: 'Q8_0' }).gguf);
  flooder = await newKey('flooder');
  visitor = await newKey('visitor');
  const size = ['--context', '512', '--slots', '4', '--queue-requests', '100'];
  const access = ['--keys', keysFile, '--cors-origin', 'https://chat.example'];
  up = await startUp(['--model', model, ...size, ...access], { SLUICE_CACHE: cacheIn(path.join(folder, 'cache')) });
});

afterAll(() => {
  up?.process.killAll();
  rmSync(folder, { recursive: true, force: true });
});

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const command = new SluiceProcess(args, env);
  const { status } = await command.exited;
  return { status, stdout: command.stdout, stderr: command.stderr };
}

async function newKey(name: string): Promise<string> {
  const { stdout } = await run(['key', 'new', '--file', keysFile, '--name', name]);
  return stdout.trim();
}

describe('sluice up --keys', () => {
  it('has asked its first question with a key of its own, and wants one of everybody', async () => {
    expect(up.process.stdout).toContain('-H "authorization: Bearer $SLUICE_API_KEY"');
    expect((await fetch(`${up.url}/v1/models`)).status).toBe(401);
    const client = new OpenAI({ baseURL: `${up.url}/v1`, apiKey: visitor });
    expect((await client.models.list()).data).toHaveLength(1);
  });

  it('is talked to by sluice chat with the key in SLUICE_API_KEY', async () => {
    const args = ['chat', '--url', up.url, '--max-tokens', '4', 'Hi'];
    expect(await run(args, { SLUICE_API_KEY: visitor })).toMatchObject({ status: 0 });
    expect(await run(args, { SLUICE_API_KEY: '' })).toMatchObject({
      status: 1,
      stderr: `sluice: ${up.url} answered 401: the header authorization is missing\n`,
    });
  });

  it('tells web pages of the origin that is allowed', async () => {
    const headers = { origin: 'https://chat.example', authorization: `Bearer ${visitor}` };
    const response = await fetch(`${up.url}/v1/models`, { headers });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://chat.example');
  });

  it('ends with one line when a file is wrong, before anything slow is begun', async () => {
    const broken = path.join(folder, 'broken.json');
    writeFileSync(broken, '{"keys":[{}]}');
    expect(await run(['up', '--model', model, '--port', '0', '--keys', broken])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^sluice: --keys \S+broken\.json: keys\[0\].name: is required[^\n]*\n$/),
    });
  });
});

/** One streamed answer. Resolves at its end with its status; calls when its first token has come. */
async function ask(key: string, onFirst: () => void): Promise<Response> {
  const response = await fetch(`${up.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: 64, ignore_eos: true, stream: true }),
  });
  if (response.status !== 200) return response;
  let hasBegun = false;
  for await (const bytes of response.body ?? []) {
    if (hasBegun || !Buffer.from(bytes).includes('data: ')) continue;
    hasBegun = true;
    onFirst();
  }
  return response;
}

describe('a caller beside one who floods', () => {
  it('begins before most of what was there first; who is refused is told when to come again', async () => {
    let begun = 0;
    let refused = 0;
    const retryAfter: number[] = [];
    const quotes = { held: 0, all: 0 };
    const flood = Array.from({ length: 200 }, async () => {
      const sentMs = performance.now();
      let firstMs = Number.POSITIVE_INFINITY;
      const response = await ask(flooder, () => {
        begun += 1;
        firstMs = performance.now() - sentMs;
      });
      if (response.status === 200) {
        quotes.all += 1;
        if (firstMs <= Number(response.headers.get('x-sluice-ttft-quote-ms'))) quotes.held += 1;
        return;
      }
      expect(response.status).toBe(429);
      refused += 1;
      retryAfter.push(Number(response.headers.get('retry-after')));
    });
    await eventually('the flood to fill the queue', 60_000, () => begun > 0 && refused > 0);
    const overtaken: number[] = [];
    for (;;) {
      const before = begun;
      const left = Math.min(100, 200 - refused - before);
      // When few are left there is nothing to be overtaken.
      if (left < 50) break;
      const response = await ask(visitor, () => overtaken.push((begun - before) / left));
      expect(response.status).toBe(200);
    }
    await Promise.all(flood);
    expect(overtaken.length).toBeGreaterThan(0);
    // A fifth of what stood in front of it may have begun; of the usual one, as the machine may have other work for a while.
    const usual = overtaken.toSorted((a, b) => a - b)[Math.floor(overtaken.length / 2)];
    expect(usual).toBeLessThan(0.2);
    for (const seconds of retryAfter) {
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(seconds).toBeLessThanOrEqual(600);
    }
    console.log(`${overtaken.length} visits; quotes of the flood held: ${quotes.held} of ${quotes.all}`);
  });
});
