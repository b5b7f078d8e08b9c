import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cacheIn } from '../support/cache-in.js';
import { tinyModel } from '../support/tiny-model.js';
import { eventually, SluiceProcess } from './up-server.js';

// A gateway in front of a gateway: what an OpenAI-compatible server makes of a request, and what comes back of it.

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

const waitMs = 60_000;

let folder = '';
let processes: SluiceProcess[] = [];
let inner = '';
let outer = '';

beforeAll(async () => {
  folder = cacheIn(mkdtempSync(path.join(os.tmpdir(), 'sluice-upstreams-')));
  const model = path.join(folder, 'tiny.gguf');
  writeFileSync(model, tinyModel(1).gguf);
  const size = ['--context', '256', '--slots', '8', '--threads', '1'];
  const worker = start(['worker', '--model', model, '--port', '0', ...size]);
  const [, address = ''] = await eventually('a worker to listen', waitMs, () => /grpc:\/\/(\S+)/.exec(worker.stdout));
  inner = await startGateway(`grpc://${address}`);
  outer = await startGateway(inner);
});

afterAll(() => {
  for (const process of processes) process.killAll();
  processes = [];
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

function start(args: readonly string[]): SluiceProcess {
  const process = new SluiceProcess(args, { SLUICE_CACHE: folder, SLUICE_LOG: 'warn' });
  processes.push(process);
  return process;
}

async function startGateway(worker: string): Promise<string> {
  const gateway = start(['gateway', '--port', '0', '--worker', worker]);
  const [url] = await eventually('a gateway to listen', waitMs, () => /http:\/\/\S+/.exec(gateway.stdout));
  await eventually('a gateway to be ready', waitMs, async () => (await fetch(`${url}/ready`)).ok);
  return url;
}

const client = (url: string): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });

type Asking = Omit<OpenAI.CompletionCreateParamsNonStreaming, 'model' | 'stream'>;

/** What callers see of an answer; ids and times differ. */
async function whole(url: string, asking: Asking) {
  const { choices, usage } = await client(url).completions.create({ model: 'tiny', ...asking });
  return { choices, usage: { ...usage, prompt_tokens_details: undefined } };
}

async function streamed(url: string, asking: Asking): Promise<string> {
  const stream = await client(url).completions.create({ model: 'tiny', ...asking, stream: true });
  let text = '';
  for await (const { choices } of stream) text += choices[0]?.text ?? '';
  return text;
}

describe('a gateway in front of a gateway', () => {
  const prompt = [5, 9, 13, 2, 7];

  it.each<[string, Asking]>([
    ['greedy', { prompt, max_tokens: 32, temperature: 0 }],
    ['seeded', { prompt, max_tokens: 32, temperature: 1, seed: 11 }],
    ['with penalties and bias', { prompt, max_tokens: 16, seed: 3, frequency_penalty: 1, logit_bias: { 3: 5 } }],
    ['with log-probabilities', { prompt, max_tokens: 4, temperature: 0, logprobs: 2 }],
    ['of text', { prompt: 'Hello', max_tokens: 16, temperature: 0 }],
  ])('gives the same answer, %s', async (_, asking) => {
    const direct = await whole(inner, asking);
    expect(direct.choices[0]?.text).not.toBe('');
    expect(await whole(outer, asking)).toEqual(direct);
    expect(await streamed(outer, asking)).toBe(direct.choices[0]?.text);
  });

  it('passes on what the one behind refuses, in its words', async () => {
    // The size of a vocabulary is nothing that such servers tell.
    const asking = { prompt: [5, 999_999], max_tokens: 4 };
    const told = async (url: string) =>
      whole(url, asking).catch(({ status, error }: InstanceType<typeof OpenAI.APIError>) => ({ status, error }));
    expect(await told(outer)).toMatchObject({ status: 400, error: { param: 'prompt[1]' } });
    expect(await told(outer)).toEqual(await told(inner));
  });

  it('frees what is asked of the one behind when its client leaves', async () => {
    const abort = new AbortController();
    const asking = { model: 'tiny', prompt, max_tokens: 250, temperature: 0, stream: true as const };
    const extra = { ignore_eos: true } as object;
    const stream = await client(outer).completions.create({ ...asking, ...extra }, { signal: abort.signal });
    for await (const _ of stream) break;
    abort.abort();
    await eventually('nothing to be in flight', waitMs, async () => {
      const metrics = await (await fetch(`${inner}/metrics`)).text();
      return /^sluice_gateway_requests_in_flight 0$/m.test(metrics);
    });
  });

  it('says what the one behind says of its load', async () => {
    const { workers } = (await (await fetch(`${outer}/admin/workers`)).json()) as {
      readonly workers: readonly { readonly address: string; readonly load: { readonly slotsMax: number } }[];
    };
    expect(workers.map(({ address }) => address)).toEqual([inner]);
    await eventually('load to be read', waitMs, async () => {
      const metrics = await (await fetch(`${outer}/metrics`)).text();
      return /^sluice_worker_slots_max\{worker="http:\S+"\} 8$/m.test(metrics);
    });
  });
});
