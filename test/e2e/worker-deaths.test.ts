import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createLog } from '@sluice/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RoutingName, type RunningGateway, startGateway } from '../../packages/gateway/src/index.js';
import { cacheIn } from '../support/cache-in.js';
import { tinyModel } from '../support/tiny-model.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';
import { eventually, SluiceProcess } from './up-server.js';

// Real workers, killed, stopped and cut off while they answer, behind a real gateway. The model's weights are made up, so
// that a worker starts within a second; it is large enough that a step takes some milliseconds and a death comes in time.

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 480_000 });

const tokens = 64;

let folder = '';
let args: readonly string[] = [];
const workers: WorkerProcess[] = [];
const proxies: TcpProxy[] = [];
let gateway: RunningGateway | undefined;

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-deaths-'));
  cacheIn(path.join(folder, 'cache'));
  const model = path.join(folder, 'tiny.gguf');
  const sizes = { layers: 10, hidden: 384, heads: 12, kvHeads: 6, headDim: 32, feedForward: 1152 };
  writeFileSync(model, tinyModel(7, { ...sizes, matrixType: 'Q8_0' }).gguf);
  args = ['worker', '--model', model, '--threads', '1', '--slots', '8'];
});

afterEach(async () => {
  await gateway?.close(0);
  gateway = undefined;
  for (const worker of workers.splice(0)) worker.killAll();
  for (const proxy of proxies.splice(0)) proxy.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

class WorkerProcess {
  readonly #flags: readonly string[];
  #process: SluiceProcess;
  /** The same in every life. */
  port = 0;

  constructor(flags: readonly string[] = []) {
    this.#flags = flags;
    this.#process = this.#spawn();
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get exited(): SluiceProcess['exited'] {
    return this.#process.exited;
  }

  async ready(): Promise<this> {
    const serves = /grpc:\/\/\S+:(\d+)/;
    const found = await eventually('a worker to serve', 60_000, () => serves.exec(this.#process.stdout));
    this.port = Number(found[1]);
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.signal(signal);
  }

  async restart(): Promise<void> {
    await this.#process.exited;
    this.#process = this.#spawn();
  }

  killAll(): void {
    this.#process.killAll();
  }

  #spawn(): SluiceProcess {
    const env = { SLUICE_CACHE: path.join(folder, 'cache'), SLUICE_LOG: 'warn' };
    return new SluiceProcess([...args, '--port', String(this.port), ...this.#flags], env);
  }
}

async function startWorkers(count: number, flags: readonly string[] = []): Promise<void> {
  // The first compiles the model, the others find it compiled.
  for (let i = 0; i < count; i++) workers.push(await new WorkerProcess(flags).ready());
}

async function startOver(addresses: readonly string[], routing: RoutingName = 'ttft'): Promise<void> {
  const log = createLog('gateway');
  log.level = 'silent';
  // Workers die more often here than a circuit would let them.
  gateway = await startGateway({ workers: addresses, port: 0, log, routing, circuit: { failuresMax: 10_000 } });
  await attached(addresses.length);
}

async function metrics(): Promise<string> {
  return (await fetch(`${gateway?.url}/metrics`)).text();
}

function attached(count: number): Promise<unknown> {
  const found = async () => Number(/^sluice_gateway_workers_attached (\d+)/m.exec(await metrics())?.[1]) >= count;
  return eventually(`${count} workers`, 60_000, found);
}

async function resumedCount(): Promise<number> {
  const found = (await metrics()).matchAll(/^sluice_gateway_moves_total\{outcome="resumed",.*\} (\d+)/gm);
  return [...found].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** The worker that has requests, by its address. */
async function busyWorker(): Promise<string> {
  const found = /^sluice_gateway_worker_requests_in_flight\{worker="([^"]+)"\} [1-9]/m.exec(await metrics());
  return found?.[1] ?? '';
}

const greedy = { temperature: 0 };
const sampled = { temperature: 0.9, top_p: 0.95, seed: 11, presence_penalty: 0.5, repetition_penalty: 1.1 };

interface Answer {
  readonly text: string;
  /** The bytes of each token. */
  readonly tokens: readonly string[];
  readonly usage: unknown;
  readonly ending: unknown;
}

/** One stream, read to its end; calls when it has given so many tokens. */
async function ask(
  sampling: object,
  onToken: (count: number) => void = () => {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${gateway?.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      messages: [{ role: 'user', content: 'Tell me of the worker that died at its desk.' }],
      max_tokens: tokens,
      ignore_eos: true,
      // Never met, often begun: text is held back.
      stop: ['\u0000\u0000\u0000\u0000', 'eeeee', 'the the the'],
      stream: true,
      stream_options: { include_usage: true },
      logprobs: true,
      ...sampling,
    }),
  });
  const answer = { text: '', tokens: [] as string[], usage: undefined as unknown, ending: undefined as unknown };
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    const events = (rest + decoder.decode(bytes as Uint8Array, { stream: true })).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = event.replace(/^data: /, '');
      answer.ending = data;
      if (data === '[DONE]') continue;
      const { choices = [], usage } = JSON.parse(data) as Chunk;
      answer.usage = usage ?? answer.usage;
      answer.text += choices[0]?.delta?.content ?? '';
      for (const entry of choices[0]?.logprobs?.content ?? []) {
        answer.tokens.push(entry.bytes.join(' '));
        onToken(answer.tokens.length);
      }
    }
  }
  return answer;
}

/** Asks, and strikes the worker that answers, by its address, when it has given so many tokens. */
async function askAndStrike(sampling: object, at: number, strike: (address: string) => void): Promise<Answer> {
  let address: string | undefined;
  let count = 0;
  return ask(sampling, (seen) => {
    count = seen;
    if (seen === 1) {
      void busyWorker().then((busy) => {
        address = busy;
        if (count >= at) strike(busy);
      });
    } else if (seen === at && address !== undefined) {
      strike(address);
    }
  });
}

function workerAt(address: string): WorkerProcess | undefined {
  return workers.find((worker) => worker.address === address);
}

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly logprobs?: { readonly content?: readonly { readonly bytes: readonly number[] }[] };
  }[];
  readonly usage?: { readonly prompt_tokens_details: unknown } | null;
}

/** Cached tokens depend on who has answered before; all else must not. */
function comparable({ usage, ...answer }: Answer): object {
  return { ...answer, usage: { ...(usage as object), prompt_tokens_details: undefined } };
}

async function undisturbed(): Promise<Map<object, object>> {
  const answers = new Map<object, object>();
  for (const sampling of [greedy, sampled]) answers.set(sampling, comparable(await ask(sampling)));
  for (const answer of answers.values()) {
    expect(answer).toMatchObject({
      ending: '[DONE]',
      tokens: { length: tokens },
      usage: { completion_tokens: tokens },
    });
  }
  return answers;
}

describe('a worker that is killed with -9', () => {
  it('at every token of a greedy and of a sampled answer leaves the answers as they are', async () => {
    // A session takes a quarter of a worker's slots before others are asked.
    await startWorkers(2, ['--slots', '128']);
    await startOver(
      workers.map(({ address }) => address),
      'session',
    );
    const whole = await undisturbed();
    const indices = Array.from({ length: tokens - 1 }, (_, index) => index + 1);
    const missing = [new Set(indices), new Set(indices)] as const;
    const missingCount = () => missing[0].size + missing[1].size;
    let hits = 0;
    for (let round = 0; missingCount() > 0; round++) {
      expect(round, `rounds, with ${missingCount()} tokens to go`).toBeLessThan(200);
      await attached(2);
      hits += await strikeOnce(whole, `round ${round}`, missing);
    }
    // Of the last tokens some come too late: the answer is there before the death is.
    expect(await resumedCount()).toBeGreaterThan(hits * 0.6);
  });
});

const samplings = [greedy, sampled] as const;
const crowd = 18;
/** So far apart do streams of a crowd begin. */
const gapTokens = 2;

/**
 * Streams that begin one behind the other on one worker, which is killed when many of them are at tokens that no death
 * has come at yet; towards the end of the answers fewer have to do.
 * @param missing of each sampling the tokens to die at; those that were hit are taken out.
 * @returns how many streams there were to be hit; 0 where the answers ended before.
 */
async function strikeOnce(
  whole: Map<object, object>,
  session: string,
  missing: readonly [Set<number>, Set<number>],
): Promise<number> {
  const hitsMax = Math.min(crowd - 3, Math.ceil((missing[0].size + missing[1].size) / 3));
  /** How many tokens each stream has given; undefined: it is over. */
  const counts: (number | undefined)[] = [];
  const streams: Promise<void>[] = [];
  let victim: WorkerProcess | undefined;
  let struckAt: readonly number[] | undefined;

  const strikeIfWorthIt = (): void => {
    if (victim === undefined || struckAt !== undefined) return;
    const hit = counts.map((count, index) => (count !== undefined && missing[index % 2]!.has(count) ? count : 0));
    const worth = new Set(hit.map((count, index) => (count === 0 ? '' : `${index % 2} ${count}`)));
    worth.delete('');
    const left = tokens - (counts[0] ?? tokens);
    const wanted = Math.max(1, Math.ceil(hitsMax * Math.min(1, left / 16)));
    if (worth.size < wanted) return;
    victim.signal('SIGKILL');
    struckAt = counts.map((count) => count ?? 0);
    for (const [index, count] of hit.entries()) missing[index % 2]!.delete(count);
  };
  const start = (index: number): void => {
    const sampling = samplings[index % 2]!;
    const onToken = (count: number): void => {
      counts[index] = count < tokens ? count : undefined;
      if (count === 1 && index === 0) void busyWorker().then((address) => (victim = workerAt(address)));
      if (count === gapTokens && index + 1 < crowd && struckAt === undefined) start(index + 1);
      strikeIfWorthIt();
    };
    const check = (answer: Answer): void =>
      expect(comparable(answer), `stream ${index} of those killed at ${struckAt}`).toEqual(whole.get(sampling));
    streams.push(ask(sampling, onToken, { 'x-sluice-session': session }).then(check));
  };

  start(0);
  // Streams start streams.
  for (let index = 0; index < streams.length; index++) await streams[index];
  if (struckAt === undefined) return 0;
  await victim?.restart();
  return struckAt.filter((count) => count > 0).length;
}

describe('a worker that hangs', () => {
  it('is left behind, and its stream goes on elsewhere', async () => {
    await startWorkers(2);
    await startOver(workers.map(({ address }) => address));
    const whole = await undisturbed();
    for (const sampling of [greedy, sampled]) {
      await attached(2);
      let stopped: WorkerProcess | undefined;
      const answer = await askAndStrike(sampling, 10, (address) => {
        stopped = workerAt(address);
        stopped?.signal('SIGSTOP');
      });
      expect(comparable(answer)).toEqual(whole.get(sampling));
      stopped?.signal('SIGCONT');
    }
    expect(await resumedCount()).toBe(2);
  });
});

describe('a network between gateway and worker', () => {
  it.each(['swallow', 'cut'] as const)(
    'that goes (%s) in the middle of a stream costs the client nothing',
    async (how) => {
      await startWorkers(2);
      for (const { port } of workers) proxies.push(await startTcpProxy(port));
      await startOver(proxies.map(({ address }) => address));
      const whole = await undisturbed();
      for (const sampling of [greedy, sampled]) {
        await attached(2);
        let broken: TcpProxy | undefined;
        const answer = await askAndStrike(sampling, 20, (address) => {
          broken = proxies.find((proxy) => proxy.address === address);
          broken?.[how]();
        });
        expect(comparable(answer)).toEqual(whole.get(sampling));
        broken?.mend();
      }
      expect(await resumedCount()).toBe(2);
    },
  );
});

describe('workers that are restarted one after the other', () => {
  it('drop no stream, though they hand over all they have', async () => {
    await startWorkers(2, ['--drain', 'handover']);
    await startOver(workers.map(({ address }) => address));
    const whole = await undisturbed();
    let isOver = false;
    const client = async (sampling: object): Promise<void> => {
      while (!isOver) expect(comparable(await ask(sampling))).toEqual(whole.get(sampling));
    };
    const clients = [greedy, sampled, greedy, sampled].map(client);
    for (let round = 0; round < 2; round++) {
      for (const worker of workers) {
        await attached(2);
        await eventually('it to have streams', 20_000, async () => (await busyWorkers()).includes(worker.address));
        worker.signal('SIGTERM');
        expect(await worker.exited).toEqual({ status: 0, signal: null });
        await worker.restart();
        await worker.ready();
      }
    }
    await attached(2);
    isOver = true;
    await Promise.all(clients);
    expect(await resumedCount()).toBeGreaterThan(0);
    expect(await metrics()).not.toMatch(/outcome="(poisoned|stranded)"/);
  });
});

async function busyWorkers(): Promise<readonly string[]> {
  const found = (await metrics()).matchAll(/^sluice_gateway_worker_requests_in_flight\{worker="([^"]+)"\} [1-9]/gm);
  return [...found].map(([, address]) => address ?? '');
}
