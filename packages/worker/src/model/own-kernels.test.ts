import { afterAll, describe, expect, it } from 'vitest';
import { type KvMode, kvModes } from './compile/kv-format.js';
import { type WeightMode, weightModes } from './compile/linear.js';
import { addsInt8Exactly } from './int8-sums.js';
import { LaneModel } from './lane-model.js';
import { TinyModelFolder } from './test-support/compiled-tiny-model.js';
import { eachKernels, ownKernels } from './test-support/each-kernels.js';
import { type KeptRow, SlotDriver } from './test-support/slot-driver.js';
import type { TinyModelOptions } from './tiny-model.js';

/** Difference of logits between kernels over the logits, for floats; and where a sum may be rounded to another level. */
const TOLERANCES: Record<WeightMode, number> = { f32: 1e-5, q8: 5e-3, q4: 5e-3, w8a8: 5e-3 };
const SLOTS = 4;

const folder = new TinyModelFolder();
const models: LaneModel[] = [];
afterAll(async () => {
  for (const model of models) model.close();
  await folder.remove();
});

const shapes: Readonly<Record<string, TinyModelOptions>> = {
  plain: {},
  'with a sliding window': { slidingWindowTokens: 24 },
  'with wide heads, a group of three to a key': { hidden: 192, feedForward: 512, heads: 6, kvHeads: 2, headDim: 32 },
};

describe.runIf(ownKernels !== undefined)('LaneModel.forward on own kernels', () => {
  // All of it is ours there: the runtime promises nothing of the kind of its linear layers.
  it.each(Object.keys(shapes).flatMap((shape) => kvModes.map((kv) => [shape, kv] as const)))(
    'gives the same bits for a token in a chunk and decoded, alone and in company (%s, keys and values in %s)',
    async (shape, kv) => {
      const { driver } = await open('own', 'w8a8', shape, kv);
      const chunk = async (slot: number, count: number): Promise<KeptRow[]> =>
        driver.run({ chunks: [{ slot, tokenIds: next(driver, slot, count) }] });
      const whole = [...(await chunk(0, 40)), ...(await chunk(0, 40))];
      const one: KeptRow[] = [];
      for (let token = 0; token < 80; token++) {
        one.push(...(await driver.run({ decodes: [{ slot: 1, tokenIds: next(driver, 1, 1) }] })));
      }
      expect(one.map(bits)).toEqual(whole.map(bits));
      const company: KeptRow[] = await chunk(2, 5);
      await chunk(3, 33);
      while (driver.context(2).length < 80) {
        const decodes = [{ slot: 2, tokenIds: next(driver, 2, 3) }];
        if (driver.context(3).length < 78) decodes.push({ slot: 3, tokenIds: next(driver, 3, 1) });
        driver.free(0);
        company.push(
          ...(await driver.run({ decodes, chunks: [{ slot: 0, tokenIds: next(driver, 0, 17) }] })).slice(0, 3),
        );
      }
      expect(company.map(bits)).toEqual(whole.map(bits));
    },
  );

  it.each(kvModes)('goes on as it would have where a beginning was copied, or brought back (%s)', async (kv) => {
    const { driver, model } = await open('own', 'w8a8', 'plain', kv);
    const rest = async (slot: number): Promise<KeptRow[]> => [
      ...(await driver.run({ chunks: [{ slot, tokenIds: next(driver, slot, 20) }] })),
      ...(await driver.run({ decodes: [{ slot, tokenIds: next(driver, slot, 3) }] })),
    ];
    await driver.run({ chunks: [{ slot: 0, tokenIds: words(37) }] });
    const copied = model.copyOut(0, 37);
    const whole = await rest(0);
    // What was there before, and is behind what comes.
    await driver.run({ chunks: [{ slot: 1, tokenIds: words(80).toReversed() }] });
    driver.copy(0, 1, 37);
    expect((await rest(1)).map(bits)).toEqual(whole.map(bits));
    driver.copy(0, 1, 37);
    model.copyIn(1, copied);
    expect((await rest(1)).map(bits)).toEqual(whole.map(bits));
  });

  it.each(weightModes.filter((mode) => mode !== 'w8a8' || addsInt8Exactly()))(
    'gives what the kernels of the runtime give, but for rounding (%s)',
    async (weights) => {
      const [theirs, ours] = await Promise.all(
        eachKernels.map(async ({ kernels }) => {
          const { driver } = await open(kernels, weights, 'plain');
          const rows = await driver.run({ chunks: [{ slot: 0, tokenIds: words(70) }] });
          return rows.flatMap(({ logits }) => [...logits]);
        }),
      );
      const spread = Math.hypot(...theirs!);
      const difference = Math.hypot(...ours!.map((logit, index) => logit - theirs![index]!));
      expect(difference / spread).toBeLessThan(TOLERANCES[weights]);
    },
  );
});

async function open(
  kind: 'own' | 'runtime',
  weights: WeightMode,
  shape: string,
  kv: KvMode = 'f32',
): Promise<{ readonly driver: SlotDriver; readonly model: LaneModel }> {
  const kernels = eachKernels.find(({ kernels }) => kernels === kind)!;
  const tiny = await folder.compile(3, weights, { contextTokens: 128, ...shapes[shape] }, { ...kernels, kv });
  const sizes = { slots: SLOTS, contextTokens: 100, stepTokensMax: 80, threads: 1 };
  const model = new LaneModel(tiny.files, { ...tiny.library, ...sizes });
  models.push(model);
  return { driver: new SlotDriver(model), model };
}

/** What comes next in a slot whose text is that of all. */
function next(driver: SlotDriver, slot: number, count: number): number[] {
  const from = driver.context(slot).length;
  return words(from + count).slice(from, 80);
}

function words(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 97 + index * index * 31 + 5) % 288);
}

function bits({ context, logits }: KeptRow) {
  return { context, logits };
}
