import { seededRng } from '@sluice/shared';
import { afterAll, describe, expect, it } from 'vitest';
import { LaneModel, type LaneModelOptions } from './lane-model.js';
import { TinyModelFolder } from './test-support/compiled-tiny-model.js';
import { type Act, type KeptRow, SlotDriver } from './test-support/slot-driver.js';

const folder = new TinyModelFolder();
const { files } = await compile(4);
const models: LaneModel[] = [];
afterAll(async () => {
  for (const model of models) model.close();
  await folder.remove();
});

const SLOTS = 11;
const PASSES = 12;
const random = seededRng(7);

describe.each([2, 3, 4, 8])('LaneModel.forward on %i narrow executors', (count) => {
  it('gives the bits of each sequence alone on the wide one, for as many chunks as there are executors', async () => {
    const { files } = await compile(count);
    const model = open({ threads: count, executors: 'narrow', narrowCount: count }, files);
    expect(model.limits.chunksAbreast).toBe(count);
    const together = new SlotDriver(model);
    const alone = new SlotDriver(open({ threads: 1, executors: 'wide' }, files));
    let mostChunks = 0;
    for (let pass = 0; pass < PASSES; pass++) {
      const chunks: Act[] = [];
      const decodes: Act[] = [];
      for (const slot of shuffled(SLOTS)) {
        const length = together.context(slot).length;
        if (length > 0 && random.next() < 0.6) decodes.push({ slot, tokenIds: [token()] });
        else if (length < 60 && chunks.length < count) chunks.push({ slot, tokenIds: words(2 + random.below(20)) });
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
    expect(mostChunks).toBe(count);
  });
});

describe('LaneModel.forward while executors may be chosen', () => {
  it('runs in parts what the wide executor has no graph for', async () => {
    const model = open({ threads: 4, executors: 'auto', narrowCount: 4, nowMs: () => 0 });
    expect(model.limits.chunksMax).toBeLessThan(4);
    const chunks = [0, 1, 2, 3].map((slot) => ({ slot, tokenIds: words(6 + slot) }));
    const rows = await new SlotDriver(model).run({ chunks });
    const alone = new SlotDriver(open({ threads: 1, executors: 'wide' }));
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
    const bound = open({ threads: 2, executors, nowMs: () => 0, processors: [0, 1] });
    expect(await run(bound)).toEqual(await run(open({ threads: 2, executors, nowMs: () => 0 })));
  });
});

describe('LaneModel.openFirst and openRest', () => {
  it('have everything open for what comes, and change nothing of it', async () => {
    const model = open({ threads: 2, executors: 'narrow' });
    const chunks = [{ slot: 0, tokenIds: words(9) }];
    const early = await new SlotDriver(open({ threads: 2, executors: 'narrow' })).run({ chunks });
    await model.openFirst();
    let lulls = 0;
    const opening = model.openRest(async () => void lulls++);
    const rows = await new SlotDriver(model).run({ chunks });
    await opening;
    // The graphs that openFirst left, and those of one chunk at most again for all narrow executors together.
    expect(lulls).toBe(files.graphs.length - 2 + 2);
    expect(rows.map(({ logits }) => logits)).toEqual(early.map(({ logits }) => logits));
  });

  it('reject where a graph cannot be opened, and so does the pass that needs it', async () => {
    const graphs = files.graphs.map((graph) => ({ ...graph, path: `${graph.path}.gone` }));
    const model = new LaneModel({ ...files, graphs }, { slots: 1, contextTokens: 8, stepTokensMax: 8, threads: 1 });
    models.push(model);
    await expect(model.openFirst()).rejects.toMatchObject({ name: 'OrtError', code: 'NO_SUCHFILE' });
    const pass = new SlotDriver(model).run({ chunks: [{ slot: 0, tokenIds: words(4) }] });
    await expect(pass).rejects.toMatchObject({ name: 'OrtError', code: 'NO_SUCHFILE' });
  });

  it('may be under way when the model is closed', async () => {
    const model = new LaneModel(files, {
      slots: 1,
      contextTokens: 8,
      stepTokensMax: 8,
      threads: 2,
      executors: 'narrow',
    });
    const opening = [model.openFirst(), model.openRest()];
    model.close();
    await Promise.all(opening);
  });
});

/** For so many threads: the model has 4 heads, and where there are more threads its graphs are others. */
function compile(threads: number) {
  return folder.compile(3, 'q8', { contextTokens: 128 }, 'f32', threads);
}

function open(
  options: Pick<LaneModelOptions, 'threads' | 'executors' | 'narrowCount' | 'nowMs' | 'processors'>,
  compiled = files,
): LaneModel {
  const model = new LaneModel(compiled, { slots: SLOTS, contextTokens: 120, stepTokensMax: 240, ...options });
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
