import { seededRng } from '@sluice/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LaneModel } from './lane-model.js';
import type { LaneModelOptions } from './lane-model-options.js';
import { type CompiledTinyModel, TinyModelFolder } from './test-support/compiled-tiny-model.js';
import { eachKernels, type KernelsUnderTest } from './test-support/each-kernels.js';
import { type Act, type KeptRow, SlotDriver } from './test-support/slot-driver.js';

const folder = new TinyModelFolder();
const models: LaneModel[] = [];
afterAll(async () => {
  for (const model of models) model.close();
  await folder.remove();
});

const SLOTS = 11;
const PASSES = 12;
const random = seededRng(7);

describe.each(eachKernels)('On $kernels kernels', (kernels) => {
  let tiny: CompiledTinyModel;
  beforeAll(async () => {
    tiny = await compile(4, kernels);
  });

  describe.each([2, 3, 4, 8])('LaneModel.forward on %i narrow executors', (count) => {
    it('gives the bits of each sequence alone on the wide one, for as many chunks as there may be', async () => {
      const compiled = await compile(count, kernels);
      const model = open(compiled, { threads: count, executors: 'narrow', narrowCount: count });
      expect(model.limits.chunksAbreast).toBe(count);
      const chunksMax = Math.max(count, model.limits.chunksMax);
      const together = new SlotDriver(model);
      const alone = new SlotDriver(open(compiled, { threads: 1, executors: 'wide' }));
      let mostChunks = 0;
      for (let pass = 0; pass < PASSES; pass++) {
        const chunks: Act[] = [];
        const decodes: Act[] = [];
        for (const slot of shuffled(SLOTS)) {
          const length = together.context(slot).length;
          if (length > 0 && random.next() < 0.6) decodes.push({ slot, tokenIds: [token()] });
          else if (length < 60 && chunks.length < chunksMax)
            chunks.push({ slot, tokenIds: words(2 + random.below(20)) });
        }
        mostChunks = Math.max(mostChunks, chunks.length);
        const rows = await together.run({ decodes, chunks });
        const expected: KeptRow[] = [];
        for (const act of decodes) expected.push(...(await alone.run({ decodes: [act] })));
        for (const act of chunks) expected.push(...(await alone.run({ chunks: [act] })));
        expect(rows.map(({ context, logits }) => ({ context, logits }))).toEqual(
          expected.map(({ context, logits }) => ({ context, logits })),
        );
      }
      expect(mostChunks).toBe(chunksMax);
    });
  });

  describe('LaneModel.forward while executors may be chosen', () => {
    it('runs in parts what the wide executor has no graph for', async () => {
      const wide = open(tiny, { threads: 1, executors: 'wide' });
      const count = wide.limits.chunksMax + 2;
      const model = open(tiny, { threads: count, executors: 'auto', narrowCount: count, nowMs: () => 0 });
      const chunks = Array.from({ length: count }, (_, slot) => ({ slot, tokenIds: words(6 + slot) }));
      const rows = await new SlotDriver(model).run({ chunks });
      const alone = new SlotDriver(wide);
      const expected: KeptRow[] = [];
      for (const act of chunks) expected.push(...(await alone.run({ chunks: [act] })));
      expect(rows.map(({ logits }) => logits)).toEqual(expected.map(({ logits }) => logits));
    });
  });

  describe('LaneModel.forward on processors of its own', () => {
    it.each(['wide', 'narrow', 'auto'] as const)('gives the same bits (%s)', async (executors) => {
      const sequences = [0, 1].map((slot) => ({ slot, tokenIds: words(9) }));
      const decodes = [0, 1].map((slot) => ({ slot, tokenIds: [token()] }));
      const run = async (model: LaneModel): Promise<unknown> => {
        const driver = new SlotDriver(model);
        const rows = [...(await driver.run({ chunks: sequences })), ...(await driver.run({ decodes }))];
        return rows.map(({ logits }) => logits);
      };
      const bound = open(tiny, { threads: 2, executors, nowMs: () => 0, processors: [0, 1] });
      expect(await run(bound)).toEqual(await run(open(tiny, { threads: 2, executors, nowMs: () => 0 })));
    });
  });

  describe('LaneModel.openFirst and openRest', () => {
    it('have everything open for what comes, and change nothing of it', async () => {
      const model = open(tiny, { threads: 2, executors: 'narrow' });
      const chunks = [{ slot: 0, tokenIds: words(9) }];
      const early = await new SlotDriver(open(tiny, { threads: 2, executors: 'narrow' })).run({ chunks });
      await model.openFirst();
      let lulls = 0;
      const opening = model.openRest(async () => void lulls++);
      const rows = await new SlotDriver(model).run({ chunks });
      await opening;
      // The graphs that openFirst left, and those of parts again for all narrow executors together.
      expect(lulls).toBe(kernels.kernels === 'own' ? 1 : tiny.files.graphs.length - 2 + 2);
      expect(rows.map(({ logits }) => logits)).toEqual(early.map(({ logits }) => logits));
    });

    it('reject where a graph cannot be opened, and so does the pass that needs it', async () => {
      const graphs = tiny.files.graphs.map((graph) => ({ ...graph, path: `${graph.path}.gone` }));
      const sizes = { slots: 1, contextTokens: 8, stepTokensMax: 8, threads: 1 };
      const model = new LaneModel({ ...tiny.files, graphs }, { ...tiny.library, ...sizes });
      models.push(model);
      await expect(model.openFirst()).rejects.toMatchObject({ name: 'OrtError', code: 'NO_SUCHFILE' });
      const pass = new SlotDriver(model).run({ chunks: [{ slot: 0, tokenIds: words(4) }] });
      await expect(pass).rejects.toMatchObject({ name: 'OrtError', code: 'NO_SUCHFILE' });
    });

    it('may be under way when the model is closed', async () => {
      const sizes = { slots: 1, contextTokens: 8, stepTokensMax: 8, threads: 2 };
      const model = new LaneModel(tiny.files, { ...tiny.library, ...sizes, executors: 'narrow' });
      const opening = [model.openFirst(), model.openRest()];
      model.close();
      await Promise.all(opening);
    });
  });
});

/** For so many threads: the model has 4 heads, and where there are more threads the runtime's graphs are others. */
function compile(threads: number, kernels: KernelsUnderTest): Promise<CompiledTinyModel> {
  return folder.compile(3, 'q8', { contextTokens: 128 }, { ...kernels, threads });
}

function open(
  { files, library }: CompiledTinyModel,
  options: Pick<LaneModelOptions, 'threads' | 'executors' | 'narrowCount' | 'nowMs' | 'processors'>,
): LaneModel {
  const sizes = { slots: SLOTS, contextTokens: 120, stepTokensMax: 240 };
  const model = new LaneModel(files, { ...library, ...sizes, ...options });
  models.push(model);
  return model;
}

function shuffled(count: number): number[] {
  return Array.from({ length: count }, (_, index) => ({ index, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ index }) => index);
}

function words(count: number): number[] {
  return Array.from({ length: count }, token);
}

function token(): number {
  return random.below(288);
}
