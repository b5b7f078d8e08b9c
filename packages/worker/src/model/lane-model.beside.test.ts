import { seededRng } from '@sluice/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spanOf } from '../engine/step-plan.js';
import { LaneModel } from './lane-model.js';
import type { LaneModelOptions } from './lane-model-options.js';
import { type CompiledTinyModel, TinyModelFolder } from './test-support/compiled-tiny-model.js';
import { eachKernels, type KernelsUnderTest } from './test-support/each-kernels.js';
import { type Act, type KeptRow, type Pass, SlotDriver } from './test-support/slot-driver.js';

// Real passes of the real runtime, which are under way at the same time.

const SLOTS = 8;
const ROUNDS = 25;
const CONTEXT_TOKENS = 248;
const folder = new TinyModelFolder();
const random = seededRng(11);
const models: LaneModel[] = [];
let tiny: CompiledTinyModel;

afterAll(async () => {
  for (const model of models) model.close();
  await folder.remove();
});

describe.each(eachKernels)('LaneModel.forward beside other passes on $kernels kernels', (kernels) => {
  beforeAll(() => compile(kernels));

  it('gives the bits of each sequence alone, with prompts under way in the span of decodes and outside of it', async () => {
    const model = await open({ threads: 4, executors: 'narrow', narrowCount: 4 });
    const together = new SlotDriver(model);
    const alone = new SlotDriver(await open({ threads: 1, executors: 'wide' }));
    const seen = { around: 0, outside: 0, sideBySide: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const isUnder = (slot: number, tokens: number): boolean =>
        together.context(slot).length + tokens < CONTEXT_TOKENS;
      const order = shuffled().filter((slot) => isUnder(slot, 60));
      const first: Act = { slot: order[0]!, tokenIds: words(40 + random.below(20)) };
      const steps = [0, 1].map(() =>
        order
          .slice(1)
          .filter((slot) => together.context(slot).length > 0 && random.next() < 0.6)
          .map((slot): Act => ({ slot, tokenIds: words(1) })),
      );
      const passes: Pass[] = [{ chunks: [first] }];
      const running = [together.run(passes[0]!, 1)];
      let second: Act | undefined;
      for (const decodes of steps) {
        if (decodes.length === 0) continue;
        const step = together.run({ decodes }, 2);
        running.push(step);
        passes.push({ decodes });
        const { first: low, last: high } = spanOf({ decodes: decodes.map(asRow) })!;
        const isInSpan = (slot: number): boolean => low <= slot && slot <= high;
        seen.around += isInSpan(first.slot) ? 1 : 0;
        const mayGoBetween = model.limits.decodesSpanSlots === false;
        const free = order.find((slot) => slot !== first.slot && (mayGoBetween || !isInSpan(slot)));
        if (
          second === undefined &&
          free !== undefined &&
          steps.every((some) => some.every(({ slot }) => slot !== free))
        ) {
          second = { slot: free, tokenIds: words(30) };
          const pass = { chunks: [second] };
          running.push(together.run(pass, 1));
          passes.push(pass);
          seen.outside += 1;
        }
        seen.sideBySide += 1;
        await step;
      }
      const rows = await Promise.all(running);
      const expected: KeptRow[][] = [];
      for (const pass of passes) expected.push(await alone.run(pass));
      expect(rows.map(bits)).toEqual(expected.map(bits));
      for (const slot of order) if (random.next() < 0.15) for (const driver of [together, alone]) driver.free(slot);
    }
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(3);
  }, 60_000);

  it('copies the beginning of a slot that a step of streams has set aside', async () => {
    const model = await open({ threads: 2, executors: 'narrow', narrowCount: 2 });
    const driver = new SlotDriver(model);
    const alone = new SlotDriver(await open({ threads: 1, executors: 'wide' }));
    const prompts = [0, 1, 2].map((slot): Act => ({ slot, tokenIds: words(30) }));
    for (const one of [driver, alone]) for (const chunk of prompts) await one.run({ chunks: [chunk] });
    const decodes = [0, 2].map((slot): Act => ({ slot, tokenIds: words(1) }));
    const step = driver.run({ decodes }, 1);
    driver.copy(1, 5, 20);
    const chunk = { slot: 5, tokenIds: words(30) };
    const prompt = driver.run({ chunks: [chunk] }, 1);
    const rows = [await step, await prompt];
    alone.copy(1, 5, 20);
    expect(rows.map(bits)).toEqual([bits(await alone.run({ decodes })), bits(await alone.run({ chunks: [chunk] }))]);
  });

  it('breaks where it would have to write what another pass reads', async () => {
    const model = await open({ threads: 2, executors: 'narrow', narrowCount: 2 });
    const driver = new SlotDriver(model);
    for (const slot of [0, 2]) await driver.run({ chunks: [{ slot, tokenIds: words(8) }] });
    const step = driver.run({ decodes: [0, 2].map((slot) => ({ slot, tokenIds: words(1) })) }, 1);
    // With lanes, idle rows write between the two.
    const slot = kernels.kernels === 'own' ? 2 : 1;
    await expect(driver.run({ chunks: [{ slot, tokenIds: words(8) }] }, 1)).rejects.toThrow(/gets a chunk beside/);
    await expect(driver.run({ decodes: [{ slot: 4, tokenIds: words(1) }] }, 1)).rejects.toThrow(/has decodes/);
    await expect(driver.run({ chunks: [{ slot: 5, tokenIds: words(8) }] }, 2)).rejects.toThrow(/1 are free/);
    await expect(driver.run({ chunks: [{ slot: 6, tokenIds: words(8) }] })).rejects.toThrow(/are free/);
    expect(() => model.copy(0, slot, 4)).toThrow(/is copied beside a pass/);
    expect(() => model.copyOut(2, 4)).toThrow(/slot 2 is copied beside a pass/);
    expect(await step).toHaveLength(2);
  });
});

describe.each(eachKernels)('LaneModel.stop beside other passes on $kernels kernels', (kernels) => {
  beforeAll(() => compile(kernels));

  it('ends the pass of that plan, and leaves the one beside it whole', async () => {
    const model = await open({ threads: 2, executors: 'narrow', narrowCount: 2 });
    const want = { temperatures: [] };
    const planOf = (slot: number, tokenIds: readonly number[]) => ({
      decodes: [],
      chunks: [{ slot, tokenIds, position: 0, want, wantTokens: 1 }],
      resting: [],
    });
    const [stopped, whole] = [planOf(0, words(240)), planOf(1, words(240))];
    const row = async (plan: typeof whole): Promise<Float32Array> =>
      (await model.forward(plan, 1)).rows[0]!.logits.slice();
    const undisturbed = [await row(stopped), await row(whole)];
    const runs = [model.forward(stopped, 1), row(whole)] as const;
    model.stop(stopped);
    await expect(runs[0]).rejects.toThrow(/terminat/i);
    expect(await runs[1]).toEqual(undisturbed[1]);
    expect(await row(stopped)).toEqual(undisturbed[0]);
  });
});

async function compile(kernels: KernelsUnderTest): Promise<void> {
  const sizes = { layers: 4, hidden: 128, feedForward: 384, contextTokens: 256 };
  tiny = await folder.compile(5, 'q8', sizes, kernels);
}

async function open(options: Pick<LaneModelOptions, 'threads' | 'executors' | 'narrowCount'>): Promise<LaneModel> {
  const sizes = { slots: SLOTS, contextTokens: CONTEXT_TOKENS, stepTokensMax: 256 };
  const model = new LaneModel(tiny.files, { ...tiny.library, ...sizes, ...options });
  models.push(model);
  await model.openRest();
  return model;
}

function bits(rows: readonly KeptRow[]) {
  return rows.map(({ context, logits }) => ({ context, logits }));
}

function asRow({ slot }: Act) {
  return { slot, tokenIds: [0], position: 0, want: undefined, wantTokens: 0 };
}

function shuffled(): number[] {
  return Array.from({ length: SLOTS }, (_, index) => ({ index, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ index }) => index);
}

function words(count: number): number[] {
  return Array.from({ length: count }, () => random.below(200));
}
