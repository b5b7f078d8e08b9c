import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cacheIn } from '../support/cache-in.js';
import { tinyModel } from '../support/tiny-model.js';
import { eventually, SluiceProcess } from './up-server.js';

// One gateway of two processes over one worker; the tests build on each other.

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 120_000 });

const waitMs = 90_000;

let folder = '';
let worker: SluiceProcess;
let gateway: SluiceProcess;
let url = '';

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-processes-'));
  const model = path.join(folder, 'tiny.gguf');
  writeFileSync(model, tinyModel(1).gguf);
  const size = ['--context', '256', '--slots', '32', '--threads', '1'];
  worker = new SluiceProcess(['worker', '--model', model, '--port', '0', ...size], { SLUICE_CACHE: cacheIn(folder) });
  const [address] = await eventually('a worker to listen', waitMs, () => /grpc:\/\/\S+/.exec(worker.stdout));
  gateway = new SluiceProcess([
    'gateway',
    '--port',
    '0',
    '--worker',
    address,
    '--processes',
    '2',
    '--drain-ms',
    '9000',
  ]);
  [url] = await eventually('a gateway to listen', waitMs, () => /http:\/\/[^\s,]+/.exec(gateway.stdout));
});

afterAll(() => {
  for (const process of [gateway, worker]) process?.killAll();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

/** The processes that answer: all of the gateway but the parent. */
function answering(): readonly number[] {
  return gateway.running().flatMap(({ pid }) => (pid === gateway.pid ? [] : [pid]));
}

/** What went wrong with one streamed request; undefined: nothing. */
async function ask(tokens: number, agent: http.Agent, onFirst = () => {}): Promise<string | undefined> {
  const body = { prompt: 'Once', max_tokens: tokens, temperature: 0, ignore_eos: true, stream: true };
  const { status, text } = await post(JSON.stringify(body), agent, onFirst);
  const count = text.split('"text"').length - 1;
  return status === 200 && text.endsWith('data: [DONE]\n\n') && count > 0 ? undefined : `${status} ${text}`;
}

/** One request as a plain client sends it, which tries nothing again. */
function post(body: string, agent: http.Agent, onFirst: () => void) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const request = http.request(`${url}/v1/completions`, { method: 'POST', agent, headers }, (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.once('data', onFirst);
      reply.on('data', (chunk: string) => {
        text += chunk;
      });
      reply.on('end', () => resolve({ status: reply.statusCode, text }));
      reply.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function metrics(): Promise<string> {
  return await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
}

async function metric(line: string): Promise<number> {
  const text = await metrics();
  return Number(
    text
      .split('\n')
      .find((each) => each.startsWith(`${line} `))
      ?.slice(line.length + 1),
  );
}

describe('A gateway of several processes', () => {
  it('answers by all of them on one port, and counts all in one place', async () => {
    expect(answering().length).toBe(2);
    const fresh = new http.Agent({ keepAlive: false });
    const failures = await Promise.all(Array.from({ length: 24 }, () => ask(2, fresh)));
    expect(failures.filter((failure) => failure !== undefined)).toEqual([]);
    expect(await metric('sluice_gateway_processes{state="counted"}')).toBe(2);
    expect(await metric('sluice_gateway_generated_tokens_total')).toBe(48);
    expect(await metric('sluice_gateway_workers_attached')).toBe(1);
  });

  it('starts one again that was killed, while the other answers', async () => {
    const [killed, other] = answering();
    process.kill(killed ?? 0, 'SIGKILL');
    const fresh = new http.Agent({ keepAlive: false });
    expect(await ask(2, fresh)).toBeUndefined();
    await eventually('another process', waitMs, () => gateway.stderr.includes('serves again'));
    expect(answering().length).toBe(2);
    expect(answering()).toContain(other);
  });

  it('replaces all of them twice under load, and no stream or connection fails', async () => {
    const before = answering();
    const tokensBefore = await metric('sluice_gateway_generated_tokens_total');
    let isOver = false;
    let tokens = 0;
    const failures: string[] = [];
    const client = async (length: number, agent: http.Agent): Promise<void> => {
      while (!isOver) {
        const failure = await ask(length, agent).catch(String);
        tokens += length;
        if (failure !== undefined) failures.push(failure);
      }
    };
    // Long streams on connections that are kept and on new ones, and short ones that come all the time.
    const kept = new http.Agent({ keepAlive: true });
    const fresh = new http.Agent({ keepAlive: false });
    const clients = [200, 100, 4, 4].flatMap((length) => [client(length, kept), client(length, fresh)]);
    for (const wanted of [2, 4]) {
      gateway.signal('SIGHUP');
      const replaced = (): boolean => gateway.stderr.split('serves in the place of').length - 1 >= wanted;
      await eventually(`${wanted} processes to be replaced`, waitMs, replaced);
    }
    isOver = true;
    await Promise.all(clients);
    kept.destroy();
    expect(failures).toEqual([]);
    expect(answering().length).toBe(2);
    for (const pid of answering()) expect(before).not.toContain(pid);
    // What those counted that are gone is not lost.
    expect(await metric('sluice_gateway_generated_tokens_total')).toBe(tokensBefore + tokens);
  });

  it('leaves nothing behind when its parent is killed with -9', async () => {
    const [address] = /grpc:\/\/\S+/.exec(worker.stdout) ?? [''];
    const flags = ['--port', '0', '--worker', address, '--processes', '2'];
    const orphaned = new SluiceProcess(['gateway', ...flags]);
    await eventually('it to listen', waitMs, () => orphaned.stdout.includes('answers at'));
    expect(orphaned.running().length).toBe(3);
    orphaned.signal('SIGKILL');
    await eventually('its processes to end', 10_000, () => orphaned.running().length === 0);
  });

  it('says that its port is in use in one line', async () => {
    const { port } = new URL(url);
    const second = new SluiceProcess(['gateway', '--port', port, '--worker', '127.0.0.1:9', '--processes', '2']);
    expect(await second.exited).toEqual({ status: 1, signal: null });
    expect(second.stderr).toBe(`sluice: port ${port} on 127.0.0.1 is in use; choose another with --port\n`);
  });

  it('lets streams finish when it is told to stop, and ends with nothing left', async () => {
    const kept = new http.Agent({ keepAlive: true });
    let begun = 0;
    const stopOnceAllRun = (): void => {
      begun += 1;
      if (begun === 8) gateway.signal('SIGTERM');
    };
    const streams = Array.from({ length: 8 }, () => ask(200, kept, stopOnceAllRun));
    expect((await Promise.all(streams)).filter((failure) => failure !== undefined)).toEqual([]);
    expect(await gateway.exited).toEqual({ status: 0, signal: null });
    expect(gateway.running()).toEqual([]);
    kept.destroy();
  });
});
