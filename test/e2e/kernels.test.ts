import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../packages/shared/src/index.js';
import { chooseKernels, hasTiles, type KernelChoice } from '../../packages/worker/src/index.js';
import { noModel, SluiceProcess } from './up-server.js';

// The real compiler, from the package index. It is kept in the cache folder, so that one run of the tests fetches it.

const native = fileURLToPath(new URL('../../packages/worker/native', import.meta.url));
const env = { ...process.env, SLUICE_KEEP_COMPILER: '1' };

let own: KernelChoice;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-e2e-kernels-'));
  own = await chooseKernels('auto', { cacheFolder: cacheFolder(), env });
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** Bugs that a processor without tiles does not meet. */
const bugsInTiles = [
  ['linear-tiles.c', 'second_rows + input', 'first_rows + input', /Linear gives other/],
  ['linear-tiles.c', 'i : i + block->shift', 'i : i', /Linear gives other/],
  ['linear-tiles.c', 'course->now = !course->now;', '', /Linear gives other/],
  ['attention-tiles.c', 'work->low, BLOCK', 'work->high, BLOCK', /Attention gives other/],
  ['attention-tiles.c', 'if (next_vectors > 0) end_scores(&course, 0);', '', /Attention gives other/],
] as const;

/** What is a failure of the machine or its network, and not of ours. */
const outOfReach = /no pip was found|pip failed with status|there is no compiler for/;

describe('own kernels', () => {
  beforeEach(({ skip }) => {
    if (own.kernels === 'runtime' && outOfReach.test(own.reason)) skip(own.reason);
  });

  it('are compiled for this processor, are right, and are found again', async () => {
    expect(own).toMatchObject({ kernels: 'own', libraryPath: expect.stringContaining(cacheFolder()) });
    const again = await chooseKernels('auto', { cacheFolder: cacheFolder(), env: {} });
    expect(again).toEqual({ ...own, reason: 'made for this processor before' });
  });

  it.for([
    ['quantize.h', 'LARGEST_QUANT = 127', 'LARGEST_QUANT = 126', /Quantize gives other integers than it is defined to/],
    ['linear.h', 'gate * sigmoid * up', 'gate * up', /LinearGate gives other numbers/],
    ['rows.c', '+ rows->epsilon', '+ 0.01f', /NormQuantize gives other integers/],
    ['rows.c', 'index * work->at_once', 'index', /Quantize gives other/],
    ['rows.c', 'if (i < columns) even', 'if (0) even', /QuantizeRows gives other integers/],
    ['linear.h', '= -*(const loose_integers *)', '= *(const loose_integers *)', /Linear gives other/],
    ['linear.h', 'i < some ? -weights->offsets', 'i < some ? weights->offsets', /Linear gives other/],
    ['attention-floats.c', '__builtin_sqrtf(head_dim)', 'head_dim', /Attention gives other numbers/],
    ['attention-integers.c', '__builtin_sqrtf(head_dim)', 'head_dim', /Attention gives other numbers/],
    ['attention-rotate.h', 'twice + i + head_dim / 2', 'from + i', /Attention gives other numbers/],
    ['attention-rows.c', 'token] + 1 - (int)block', 'token] - (int)block', /Attention gives other numbers/],
    ['attention.c', 'static void compute_attention(Call *call) {', '$& *(volatile int *)0 = 0;', /ended by SIG/],
    ['attention-integers.c', '- ZERO_POINT * work', '- 127 * work', /Attention gives a token other/],
    ['attention-integers.h', '(high << 8)', '(high << 7)', /Attention gives other numbers/],
    ['attention-weights.c', 'choose(sight->seen[vector], scales, all(0))', 'scales', /Attention gives other numbers/],
    ['attention-weights.c', 'if (is_masked) score =', 'if (0) score =', /Attention gives a token other/],
    ['look-up.c', '(to + block) * CHANNELS + i', 'to * CHANNELS + i', /LookUp gives other rows/],
    ['pick.c', '(uint32_t)~(column + i)', '(uint32_t)(column + i)', /Pick gives other tokens/],
    ['pick.c', 'sum += sum_of(powers)', 'sum = sum_of(powers)', /Pick gives other numbers/],
    ...(hasTiles() ? bugsInTiles : []),
    ['operator.c', 'constants[index]', 'constants[3]', /the check failed: .*NormQuantize/],
    ['operator.h', '{count / 2, count}}', '{count / 2, count - 1}}', /gives other|gives a token other/],
    ['operator.c', '"sluice"', '"other"', /the check failed: .*Attention|the check failed: .*Quantize/],
  ] as const)(
    'are not taken where %s has "%s" replaced',
    { timeout: 120_000 },
    async ([file, from, to, reason], { skip }) => {
      const cache = mkdtempSync(path.join(folder, 'cache-'));
      const compilers = path.join(cacheFolder(), 'compilers');
      mkdirSync(compilers, { recursive: true });
      symlinkSync(compilers, path.join(cache, 'compilers'));
      const nativeFolder = path.join(cache, 'native');
      cpSync(native, nativeFolder, { recursive: true });
      const source = readFileSync(path.join(nativeFolder, file), 'utf8');
      expect(source.includes(from), `${file} has "${from}"`).toBe(true);
      writeFileSync(path.join(nativeFolder, file), source.replace(from, to));
      const choice = await chooseKernels('auto', { cacheFolder: cache, env, nativeFolder });
      if (outOfReach.test(choice.reason)) return skip(choice.reason);
      expect(choice.kernels).toBe('runtime');
      expect(choice.reason).toMatch(reason);
    },
  );
});

describe('sluice worker --kernels own', () => {
  it('says in a line why it cannot', async ({ skip }) => {
    if (noModel !== undefined) return skip(noModel);
    const cache = path.join(folder, 'without-pip');
    mkdirSync(cache);
    symlinkSync(path.join(cacheFolder(), 'models'), path.join(cache, 'models'));
    const worker = new SluiceProcess(['worker', '--port', '0', '--kernels', 'own'], {
      SLUICE_CACHE: cache,
      PATH: cache,
    });
    expect((await worker.exited).status).toBe(1);
    expect(worker.stderr.trim().split('\n').at(-1)).toMatch(
      /own kernels cannot be had: no pip was found \(.*\); take --kernels runtime$/,
    );
  });
});
