import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Clock, createLog } from '@sluice/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CostModel, noWork, withDecode } from '../engine/cost-model.js';
import { ExecutorChoice } from '../model/executor-choice.js';
import { type LearntOf, type LearntPasses, PassMemory } from './pass-memory.js';

let cache: string;
let folder: string;
const lines: string[] = [];
const log = createLog('test', {}, { destination: { write: (line) => lines.push(line) } });
log.level = 'debug';

beforeEach(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), 'sluice-passes-'));
  folder = path.join(cache, 'pass-costs');
  lines.length = 0;
});

afterEach(() => rm(cache, { recursive: true, force: true }));

const of: LearntOf = { weightsPath: '/cache/compiled/ab12/weights.bin', threads: 2, executors: 'auto', narrowCount: 2 };

/** Time that passes only when a test says so. */
class HandClock implements Clock {
  #callbacks: { readonly atMs: number; readonly call: () => void }[] = [];
  #nowMs = 0;
  nowMs = (): number => this.#nowMs;
  wallMs = (): number => this.#nowMs;

  after(delayMs: number, call: () => void): () => void {
    const callback = { atMs: this.#nowMs + delayMs, call };
    this.#callbacks.push(callback);
    return () => {
      this.#callbacks = this.#callbacks.filter((one) => one !== callback);
    };
  }

  get waiting(): number {
    return this.#callbacks.length;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#callbacks.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#callbacks = this.#callbacks.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { call } of due) call();
  }
}

/** Somebody who has seen so many passes, of which each took so long. */
class Learner {
  readonly #cost = new CostModel();
  readonly #choice = new ExecutorChoice('auto', 2);
  #passes = 0;

  run(passes: number, passMs: number): void {
    for (let pass = 0; pass < passes; pass++) this.#cost.observe(withDecode(noWork, 10), passMs);
    this.#passes += passes;
  }

  passes(): number {
    return this.#passes;
  }

  learnt(): LearntPasses {
    const apart = [{ executors: 1, cost: this.#cost.remembered }];
    return { cost: { whole: this.#cost.remembered, apart }, choice: this.#choice.remembered };
  }
}

const open = (clock: Clock = new HandClock(), what = of) => PassMemory.open(what, cache, clock, log);

/** As a worker that runs so many passes and ends. */
async function start(passes: number, what = of): Promise<void> {
  const memory = await open(new HandClock(), what);
  const learner = new Learner();
  memory.follow(learner);
  learner.run(passes, 40);
  await memory.close();
}

/** Until a file that is being written is there. */
async function written(): Promise<LearntPasses> {
  for (;;) {
    const [name] = await readdir(folder).catch(() => []);
    if (name?.endsWith('.json')) return JSON.parse(await readFile(path.join(folder, name), 'utf8'));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('PassMemory', () => {
  it('has at the next start what was learnt at the end of the last', async () => {
    expect((await open()).before).toBeUndefined();
    await start(60);
    const { before } = await open();
    expect(new CostModel(1, before?.cost.whole).predictMs(withDecode(noWork, 10))).toBeCloseTo(40, 0);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('writes nothing where next to nothing was learnt', async () => {
    await start(49);
    expect((await open()).before).toBeUndefined();
  });

  it.each<[string, Partial<LearntOf>]>([
    ['model, or another way to compile it', { weightsPath: '/cache/compiled/cd34/weights.bin' }],
    ['number of threads', { threads: 1 }],
    ['way to run passes', { executors: 'wide' }],
    ['number of narrow executors', { narrowCount: 4 }],
  ])('knows nothing of another %s', async (_, other) => {
    await start(60);
    expect((await open(new HandClock(), { ...of, ...other })).before).toBeUndefined();
    expect((await open()).before).toBeDefined();
  });

  it('finds it wherever the cache folder has been moved to', async () => {
    await start(60);
    expect(
      (await open(new HandClock(), { ...of, weightsPath: '/moved/compiled/ab12/weights.bin' })).before,
    ).toBeDefined();
  });

  it('writes once a minute while passes come, and not while none do', async () => {
    const clock = new HandClock();
    const memory = await open(clock);
    const learner = new Learner();
    memory.follow(learner);
    learner.run(1_000, 40);
    clock.advance(59_000);
    await expect(readdir(folder)).rejects.toThrow('ENOENT');
    clock.advance(1_000);
    await written();
    while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    await rm(folder, { recursive: true });
    clock.advance(60_000);
    while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    await expect(readdir(folder)).rejects.toThrow('ENOENT');
    learner.run(50, 80);
    clock.advance(60_000);
    const { cost } = await written();
    expect(new CostModel(1, cost.whole).predictMs(withDecode(noWork, 10))).toBeGreaterThan(60);
    await memory.close();
    expect(clock.waiting).toBe(0);
  });

  it.each([
    ['cut', (text: string) => text.slice(0, 200)],
    ['empty', () => ''],
    ['of something else', () => '{"weights":"q8","reason":"measured"}'],
    ['nothing', () => 'null'],
    ['not made of numbers', (text: string) => text.replace(/\d+\.\d+/, '"much"')],
    ['too large', (text: string) => text + ' '.repeat(70_000)],
  ])('begins anew, and says so, where the file is %s', async (_, spoil) => {
    await start(60);
    const [name] = await readdir(folder);
    const memo = path.join(folder, name!);
    await writeFile(memo, spoil(await readFile(memo, 'utf8')));
    lines.length = 0;
    expect((await open()).before).toBeUndefined();
    expect(lines).toEqual([expect.stringContaining('what passes cost is learnt anew')]);
    await start(60);
    expect((await open()).before).toBeDefined();
  });

  it('says so and goes on where nothing can be written', async () => {
    // A file where the folder should be: also who may do everything cannot write there.
    await writeFile(folder, '');
    await start(60);
    expect(lines.join('')).toContain('could not be written down');
    await rm(folder);
  });

  it('leaves whole files where several write at once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => start(60)));
    expect(await readdir(folder)).toHaveLength(1);
    expect((await open()).before).toBeDefined();
  });
});
