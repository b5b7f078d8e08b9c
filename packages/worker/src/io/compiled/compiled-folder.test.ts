import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ByteSource } from '../../model/gguf/byte-source.js';
import { readGguf } from '../../model/gguf/gguf-file.js';
import { tinyModel } from '../../model/tiny-model.js';
import { openGguf } from '../models/open-gguf.js';
import { type CompileOptions, openCompiled } from './compiled-folder.js';

const { gguf } = tinyModel(7);
let cache: string;
let modelPath: string;

beforeEach(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), 'sluice-compiled-'));
  modelPath = path.join(cache, 'tiny.gguf');
  await writeFile(modelPath, gguf);
});
afterEach(() => rm(cache, { recursive: true, force: true }));

describe('openCompiled', () => {
  it('compiles a model once and finds it after that', async () => {
    const first = await open();
    expect(first.progress.at(-1)).toBe(1);
    expect(first.progress).toEqual(first.progress.toSorted((a, b) => a - b));
    expect(first.folder.graphs.map(({ chunks }) => chunks)).toEqual([0, 1]);
    const second = await open();
    expect(second.progress).toEqual([]);
    expect(second.folder).toEqual(first.folder);
  });

  it('finds it for the same bytes in another file, and compiles other bytes in the same one', async () => {
    await open();
    const copy = path.join(cache, 'copy.gguf');
    await copyFile(modelPath, copy);
    expect((await open({}, copy)).progress).toEqual([]);
    await writeFile(copy, tinyModel(8).gguf);
    await utimes(copy, new Date(), new Date(Date.now() + 5_000));
    expect((await open({}, copy)).progress).not.toEqual([]);
  });

  it('keeps weights, caches and kernels of different kinds and sets of graphs apart', async () => {
    const all = [
      await open(),
      await open({ weights: 'f32' }),
      await open({ kv: 'q8' }),
      await open({ chunkCounts: [0, 1, 2] }),
      await open({ kernels: 'own' }),
      await open({ kernels: 'own', kv: 'q8' }),
    ];
    expect(new Set(all.map(({ folder }) => folder.weightsPath)).size).toBe(6);
    expect(all.map(({ folder }) => folder.kv)).toEqual(['f32', 'f32', 'q8', 'f32', 'f32', 'q8']);
    const four = Array.from({ length: 4 }, () => 'runtime');
    expect(all.map(({ folder }) => folder.kernels)).toEqual([...four, 'own', 'own']);
    expect(await made()).toHaveLength(6);
  });

  it('has one graph with own kernels, whatever threads run it', async () => {
    const own = await open({ kernels: 'own', threads: 1, decodeCounts: [4, 8] });
    expect(own.folder.graphs).toMatchObject([{ chunks: 8, decodeTokens: 8 }]);
    expect((await open({ kernels: 'own', threads: 64, decodeCounts: [4, 8] })).folder).toEqual(own.folder);
  });

  it.each<[string, (folder: string) => Promise<unknown>]>([
    ['no manifest', (folder) => rm(path.join(folder, 'manifest.json'))],
    ['half a manifest', (folder) => truncate(path.join(folder, 'manifest.json'), 100)],
    ['an empty manifest', (folder) => writeFile(path.join(folder, 'manifest.json'), '{}')],
    ['short weights', (folder) => truncate(path.join(folder, 'weights.bin'), 5_000)],
    ['no weights', (folder) => rm(path.join(folder, 'weights.bin'))],
    ['no graph', (folder) => rm(path.join(folder, 'hybrid-1-1.onnx'))],
    ['half a graph', (folder) => truncate(path.join(folder, 'hybrid-1-1.onnx'), 1_000)],
  ])('makes a folder with %s again', async (_, damage) => {
    const { folder } = await open();
    const whole = await readFile(folder.weightsPath);
    await damage(path.dirname(folder.weightsPath));
    const again = await open();
    expect(again.progress.at(-1)).toBe(1);
    expect(whole.equals(await readFile(again.folder.weightsPath))).toBe(true);
    expect((await open()).progress).toEqual([]);
  });

  it('removes what dead processes left behind, and nothing of living ones', async () => {
    // Above the largest process id that there can be.
    const dead = `abc.${2 ** 22 + 1}.0a1b2c3d.tmp`;
    const living = `abc.${process.ppid}.0a1b2c3d.tmp`;
    for (const name of [dead, living]) {
      await mkdir(path.join(cache, 'compiled', name), { recursive: true });
      await writeFile(path.join(cache, 'compiled', name, 'weights.bin'), 'half');
    }
    await open();
    const left = await made();
    expect(left).not.toContain(dead);
    expect(left).toContain(living);
    expect(left).toHaveLength(2);
  });

  it('leaves nothing behind when it fails half-way, and succeeds later', async () => {
    const file = await readGguf(sourceThat((read) => (read === 6 ? Promise.reject(new Error('disk')) : undefined)));
    await expect(openCompiled(file, optionsOf({}))).rejects.toThrow('disk');
    expect(await made()).toEqual([]);
    expect((await open()).progress.at(-1)).toBe(1);
  });

  it('says which path it cannot write to', async () => {
    const blocked = path.join(cache, 'no-folder');
    await writeFile(blocked, '');
    await expect(open({ cacheFolder: blocked })).rejects.toThrow(blocked);
  });

  it('lets two compile at once, both with a result and neither with a leftover', async () => {
    const [first, second] = await Promise.all([open(), open()]);
    expect(second.folder).toEqual(first.folder);
    expect(await made()).toHaveLength(1);
  });

  it('never replaces a whole folder, which another process may be reading', async () => {
    let faster: Awaited<ReturnType<typeof open>> | undefined;
    const slow = await readGguf(
      sourceThat(async (read) => {
        if (read === 6) faster = await open();
        return undefined;
      }),
    );
    const { weightsPath } = await openCompiled(slow, optionsOf({}));
    expect(weightsPath).toBe(faster?.folder.weightsPath);
    const { ino } = await stat(path.dirname(weightsPath));
    expect(ino).toBe(inodes.get(weightsPath));
    expect(await made()).toHaveLength(1);
  });
});

/** Inodes of folders right after they were made. */
const inodes = new Map<string, number>();

async function open(options: Partial<CompileOptions> = {}, file = modelPath) {
  const progress: number[] = [];
  const opened = await openGguf(file);
  try {
    const onProgress = (fraction: number): void => void progress.push(fraction);
    const folder = await openCompiled(opened, optionsOf({ onProgress, ...options }));
    inodes.set(folder.weightsPath, (await stat(path.dirname(folder.weightsPath))).ino);
    return { folder, progress };
  } finally {
    await opened.close();
  }
}

function optionsOf(options: Partial<CompileOptions>): CompileOptions {
  return { weights: 'q8', chunkCounts: [0, 1], cacheFolder: cache, ...options };
}

/** The model's file; `before` is called before each read with its number, and may fail it. */
function sourceThat(before: (read: number) => Promise<unknown> | undefined): ByteSource {
  let reads = 0;
  return {
    name: modelPath,
    byteCount: gguf.length,
    read: async (offset, count) => {
      await before(reads++);
      return gguf.slice(offset, offset + count);
    },
    close: () => Promise.resolve(),
  };
}

async function made(): Promise<string[]> {
  return readdir(path.join(cache, 'compiled'));
}
