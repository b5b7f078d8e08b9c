import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GgufFile } from '../../model/gguf/gguf-file.js';
import { addsInt8Exactly } from '../../model/int8-sums.js';
import { eachKernels, ownKernels } from '../../model/test-support/each-kernels.js';
import { tinyModel } from '../../model/tiny-model.js';
import { openGguf } from '../models/open-gguf.js';
import { chooseWeights } from './choose-weights.js';

let folder: string;
let file: GgufFile;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'sluice-weights-'));
  const model = path.join(folder, 'tiny.gguf');
  await writeFile(model, tinyModel(5).gguf);
  file = await openGguf(model);
});

afterAll(async () => {
  await file.close();
  await rm(folder, { recursive: true, force: true });
});

const isExact = addsInt8Exactly();
const options = (cache = 'any') => ({ threads: 1, cacheFolder: path.join(folder, cache) });

describe('chooseWeights', () => {
  it.each(['q8', 'q4', 'f32'] as const)('takes %s where it is asked for', async (wish) => {
    expect(await chooseWeights(file, wish, options())).toEqual({ weights: wish, reason: 'asked for' });
  });

  it('refuses w8a8 where sums are cut off, and never chooses it', async ({ skip }) => {
    skip(isExact, 'this processor adds 8-bit products exactly');
    await expect(chooseWeights(file, 'w8a8', options())).rejects.toMatchObject({ code: 'model_unusable' });
    expect((await chooseWeights(file, 'auto', options())).weights).toBe('q8');
  });

  it('measures each kind of kernels for itself', async ({ skip }) => {
    skip(ownKernels === undefined, 'there are no own kernels here');
    const runtimes = await chooseWeights(file, 'auto', options('both'));
    const own = await chooseWeights(file, 'auto', { ...options('both'), ...ownKernels!.library });
    expect(own.reason).toContain('on own kernels');
    expect(own.reason).not.toContain('measured before');
    const again = await chooseWeights(file, 'auto', options('both'));
    expect(again).toEqual(isExact ? { ...runtimes, reason: `${runtimes.reason}, measured before` } : runtimes);
  });
});

describe.each(eachKernels)('chooseWeights on $kernels kernels', ({ kernels, library }) => {
  const isAny = kernels === 'own' || isExact;
  const withKernels = () => ({ ...options(kernels), ...library });

  it('takes w8a8 where it is asked for and computed exactly', async ({ skip }) => {
    skip(!isAny, 'this processor cuts off sums of 8-bit products');
    expect((await chooseWeights(file, 'w8a8', withKernels())).weights).toBe('w8a8');
  });

  it('measures once, says what it measured, and remembers it', async ({ skip }) => {
    skip(!isAny, 'this processor cuts off sums of 8-bit products');
    const first = await chooseWeights(file, 'auto', withKernels());
    expect(first.reason).toMatch(
      /^layers in w8a8 take \d+\.\d\d of their time in q8 on (own|the runtime's) kernels \(16 decodes .* ms\)$/,
    );
    const again = await chooseWeights(file, 'auto', withKernels());
    expect(again).toEqual({ weights: first.weights, reason: `${first.reason}, measured before` });
  });

  it('measures anew where what it remembered cannot be read', async ({ skip }) => {
    skip(!isAny, 'this processor cuts off sums of 8-bit products');
    await chooseWeights(file, 'auto', withKernels());
    const memos = path.join(withKernels().cacheFolder, 'weight-choices');
    const [memo] = await readdir(memos);
    await writeFile(path.join(memos, memo!), '{"weights": "q5"}');
    expect((await chooseWeights(file, 'auto', withKernels())).reason).not.toContain('measured before');
    expect(JSON.parse(await readFile(path.join(memos, memo!), 'utf8')).weights).toMatch(/^(q8|w8a8)$/);
  });
});
