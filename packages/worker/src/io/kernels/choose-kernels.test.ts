import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ServingError } from '@sluice/shared';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { kvWishes } from '../../model/compile/kv-format.js';
import type { GgufFile } from '../../model/gguf/gguf-file.js';
import { type TinyModelOptions, tinyModel } from '../../model/tiny-model.js';
import { openGguf } from '../models/open-gguf.js';
import { chooseKernels, fittingKernels, type KernelChoice, type KernelOptions } from './choose-kernels.js';
import { fakeCompiler } from './test-compiler.js';

// pip itself may have to wait for a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const hasPip = spawnSync('python3', ['-m', 'pip', '--version']).status === 0;

let folder: string;
let cacheFolder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-kernels-'));
  cacheFolder = path.join(folder, 'cache');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** With a compiler that is a shell script, and whatever is not said here as on this machine. */
function options(script: string, given: Partial<KernelOptions> = {}): KernelOptions {
  return { cacheFolder, ...fakeCompiler(folder, script), ...given };
}

const unusable = (message: unknown) => expect.objectContaining({ code: 'model_unusable', message });

describe('chooseKernels', () => {
  it("takes the runtime's at once where they are asked for", async () => {
    const choice = await chooseKernels('runtime', options('exit 1'));
    expect(choice).toEqual({ kernels: 'runtime', libraryPath: undefined, reason: 'asked for' });
    expect(existsSync(cacheFolder)).toBe(false);
  });

  it("goes on with the runtime's where there is no pip, and with an error where own ones are asked for", async () => {
    const given = options('exit 1', { env: { PATH: folder } });
    const choice = await chooseKernels('auto', given);
    expect(choice).toMatchObject({ kernels: 'runtime', reason: expect.stringContaining('no pip was found') });
    const failure = await chooseKernels('own', given).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(ServingError);
    expect(failure).toEqual(unusable(expect.stringMatching(/^own kernels cannot be had: no pip was found/)));
    expect(readdirSync(path.join(cacheFolder, 'kernels'))).toEqual([expect.stringMatching(/\.failure\.json$/)]);
  });

  it('passes on that it was told to stop', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(chooseKernels('auto', options('exit 1', { signal }))).rejects.toThrow('enough');
  });
});

describe('fittingKernels', () => {
  const none: KernelChoice = { kernels: 'runtime', libraryPath: undefined, reason: 'chosen' };
  const own: KernelChoice = { kernels: 'own', libraryPath: '/own.so', reason: 'chosen' };
  const open = async (model: TinyModelOptions): Promise<GgufFile> => {
    const file = path.join(folder, 'tiny.gguf');
    writeFileSync(file, tinyModel(1, model).gguf);
    return openGguf(file);
  };

  it('asks for no choice where own kernels cannot compute the model', async () => {
    const file = await open({ headDim: 272 });
    const choose = () => Promise.reject(new Error('was asked'));
    const choice = await fittingKernels('auto', file, 'f32', choose);
    expect(choice).toMatchObject({ kernels: 'runtime', reason: expect.stringContaining('heads of 272 channels') });
    await expect(fittingKernels('own', file, 'f32', choose)).rejects.toThrow(
      unusable(expect.stringMatching(/tiny\.gguf: heads of 272 channels .*; take --kernels runtime$/)),
    );
    expect(await fittingKernels('runtime', file, 'f32', async () => none)).toBe(none);
    await file.close();
  });

  it('takes what is chosen for any other model', async () => {
    const file = await open({});
    for (const kv of ['auto', 'f32', 'q8'] as const) {
      expect(await fittingKernels('auto', file, kv, async () => none)).toBe(none);
    }
    for (const kv of kvWishes) expect(await fittingKernels('auto', file, kv, async () => own)).toBe(own);
    await file.close();
  });

  it('says so where keys and values are to be kept in a way that only own ones have', async () => {
    const file = await open({});
    for (const wish of ['auto', 'runtime'] as const) {
      await expect(fittingKernels(wish, file, 'f16', async () => none)).rejects.toThrow(
        unusable('keys and values in f16 need own kernels (those of the runtime: chosen); take --kv f32'),
      );
    }
    await file.close();
    const odd = await open({ headDim: 272 });
    await expect(fittingKernels('auto', odd, 'f16', async () => own)).rejects.toThrow(
      unusable(expect.stringMatching(/f16.*heads of 272 channels.*--kv f32$/)),
    );
    await odd.close();
  });
});

describe.skipIf(!hasPip)('chooseKernels (needs python3 with pip)', () => {
  it.each([
    ['came with the SHA-256', 'exit 0', { sha256: '0'.repeat(64) }],
    ['No matching distribution', 'exit 0', { version: '9.9' }],
    ['the compiler failed with status 1: a.c:1: error', 'echo "a.c:1: error" >&2; exit 1', {}],
    ['the check failed: ', `echo 'no library' >"\${@: -1}"`, {}],
  ])('says %s where that is why', async (reason, script, wheel) => {
    const given = options(script);
    const choice = await chooseKernels('auto', { ...given, wheel: { ...given.wheel!, ...wheel } });
    expect(choice).toMatchObject({ kernels: 'runtime', libraryPath: undefined });
    expect(choice.reason).toContain(`own ones cannot be had: `);
    expect(choice.reason).toContain(reason);
    const left = readdirSync(path.join(cacheFolder, 'kernels')).filter((name) => name.startsWith('build-'));
    expect(left).toEqual([]);
  });

  it('tries again an hour after it failed, and at once where own ones are asked for', async () => {
    let wallMs = 1_000_000;
    const log = path.join(folder, 'tries');
    const counting = options(`echo try >>${log}; exit 1`, { wallMs: () => wallMs });
    const tries = (): number => readFileSync(log, 'utf8').split('\n').length - 1;
    await chooseKernels('auto', counting);
    expect(tries()).toBe(1);
    wallMs += 59 * 60_000;
    const choice = await chooseKernels('auto', counting);
    expect(choice.reason).toMatch(/status 1.*\(found 59 minutes ago\)$/);
    expect(tries()).toBe(1);
    await expect(chooseKernels('own', counting)).rejects.toThrow('status 1');
    expect(tries()).toBe(2);
    wallMs += 60 * 60_000;
    await chooseKernels('auto', counting);
    expect(tries()).toBe(3);
  });

  it('keeps the compiler for further sources where the environment says so', async () => {
    const given = options('exit 1');
    await chooseKernels('auto', { ...given, env: { ...given.env, SLUICE_KEEP_COMPILER: '1' } });
    expect(readdirSync(path.join(cacheFolder, 'compilers'))).toEqual(['sluice-zig-1.0-x86_64-linux-none']);
    const nativeFolder = path.join(folder, 'native');
    mkdirSync(nativeFolder);
    writeFileSync(path.join(nativeFolder, 'other.c'), '');
    // From nowhere could another one be fetched.
    const choice = await chooseKernels('auto', {
      ...given,
      nativeFolder,
      env: { PATH: '/bin:/usr/bin', PIP_NO_INDEX: '1' },
    });
    expect(choice.reason).toContain('the compiler failed with status 1');
  });
});
