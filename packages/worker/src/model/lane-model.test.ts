import { seededRng } from '@sluice/shared';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { chunkTokens } from '../engine/scheduler/policy.js';
import type { KvMode } from './compile/kv-format.js';
import { type WeightMode, weightModes } from './compile/linear.js';
import { quantize4, quantize8 } from './compile/quantize.js';
import { blocksToFloats } from './compile/test-support/blocks-to-floats.js';
import type { ExecutorMode } from './executor-choice.js';
import { addsInt8Exactly } from './int8-sums.js';
import { LaneModel } from './lane-model.js';
import { type ReferenceTensor, referenceLogits } from './reference.js';
import { type CompiledTinyModel, TinyModelFolder } from './test-support/compiled-tiny-model.js';
import { eachKernels, type KernelsUnderTest } from './test-support/each-kernels.js';
import { type Act, type KeptRow, type Pass, SlotDriver } from './test-support/slot-driver.js';
import type { TinyModelOptions } from './tiny-model.js';

/** Largest difference of a logit from the reference's, which computes in 64 bits. Logits reach about ±40. */
const LOGIT_TOLERANCE = 1e-3;
/** Error of a logit over the spread of all, with inputs of linear layers in blocks of 8 bits. */
const ACTIVATION_ROUNDING = 0.05;
/** Error of w8a8 over that of 8-bit blocks, both against exact weights; 0.96 to 1.16 over five random models. */
const INT8_OVER_BLOCKS = 1.5;
/** Error of a logit over the spread of all, with keys and values in 8 bits: of a random model, which attends sharply. */
const KV_ROUNDING = 0.1;
const SLOTS = 5;
/** Of heads of 16. */
const BLOCK_TOKENS = 32;

const executors: readonly ExecutorMode[] = ['wide', 'narrow'];

const folder = new TinyModelFolder();
const models: LaneModel[] = [];
afterAll(async () => {
  for (const model of models) model.close();
  await folder.remove();
});

describe.each(eachKernels)('LaneModel.forward in 32-bit floats on $kernels kernels', (kernels) => {
  it('gives the logits of the reference for every token of a whole prompt', async () => {
    const { tiny, driver } = await open(kernels, 'f32');
    const rows = await driver.run({ chunks: [{ slot: 0, tokenIds: words(40) }] });
    expect(rows).toHaveLength(40);
    expectReference(tiny, rows);
  });

  it.each<[string, TinyModelOptions]>([
    ['as many key-value heads as heads', { kvHeads: 4 }],
    ['one key-value head', { kvHeads: 1 }],
    ['heads wider than their share of the hidden size', { headDim: 32 }],
    ['a head of its own', { tied: false }],
    ['a sliding window shorter than the text', { slidingWindowTokens: 8 }],
    ['positions scaled linearly', { rope: { positionDivisor: 4 } }],
    ['frequency factors', { rope: { frequencyFactors: [1, 1, 1, 2, 4, 8, 8, 8] } }],
    ['another rotary base', { rope: { base: 500_000 } }],
    ['weights in 16-bit floats', { matrixType: 'F16' }],
    ['weights in 4-bit blocks', { matrixType: 'Q4_1' }],
  ])('gives the logits of the reference for a model with %s', async (_, options) => {
    const { tiny, driver } = await open(kernels, 'f32', options);
    const rows = await driver.run({ chunks: [{ slot: 1, tokenIds: words(20) }] });
    for (const tokenId of words(6)) rows.push(...(await driver.run({ decodes: [{ slot: 1, tokenIds: [tokenId] }] })));
    expectReference(tiny, rows);
  });

  it.each(executors)('gives the logits of the reference for everything that a batch may mix, %s', async (mode) => {
    const { tiny, model } = await open(kernels, 'f32', {}, 'f32', mode);
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const driver = new SlotDriver(model);
        for (const acts of history) expectReference(tiny, await driver.run(passOf(driver, acts)));
      }),
      { numRuns: 30 },
    );
  });
});

const runtimeKernels = eachKernels[0]!;
const ownForms = eachKernels
  .filter(({ kernels }) => kernels === 'own')
  .flatMap((kernels) => weightModes.map((weights) => ({ ...kernels, weights, kv: 'f16' as const })));
const forms: readonly (KernelsUnderTest & { readonly weights: WeightMode; readonly kv: KvMode })[] = [
  ...eachKernels.flatMap((kernels) => weightModes.map((weights) => ({ ...kernels, weights, kv: 'f32' as const }))),
  ...ownForms,
  ...eachKernels.flatMap((kernels) =>
    (['f32', 'q8', 'w8a8'] as const).map((weights) => ({ ...kernels, weights, kv: 'q8' as const })),
  ),
];

describe.each(forms)(
  'LaneModel.forward with $weights weights and keys and values in $kv on $kernels kernels',
  (form) => {
    const { weights, kv } = form;

    it('gives the same bits for a prompt in one piece and in any pieces that the scheduler may cut', async () => {
      const { driver } = await open(form, weights, {}, kv);
      const prompt = words(48);
      const whole = await driver.run({ chunks: [{ slot: 0, tokenIds: prompt }] });
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: 2, max: 46 }), { maxLength: 8 }), async (budgets) => {
          driver.free(1);
          for (let step = 0; driver.context(1).length < prompt.length; step++) {
            const tokenIds = slice(prompt, driver.context(1).length, budgets[step] ?? prompt.length);
            if (tokenIds.length === 0) continue;
            for (const row of await driver.run({ chunks: [{ slot: 1, tokenIds }] })) {
              expectSameBits(row, whole[row.context.length - 1]!);
            }
          }
        }),
        { numRuns: 40 },
      );
    });

    it.each(executors)('gives the same bits whatever else is in the batch, %s', async (mode) => {
      const { model, tiny } = await open(form, weights, {}, kv, mode);
      const alone = new Map<string, KeptRow>();
      const soloist = new SlotDriver(keep(new LaneModel(tiny.files, { ...tiny.library, ...sizes, slots: 1 })));
      await fc.assert(
        fc.asyncProperty(fc.array(sequences, { minLength: 2, maxLength: SLOTS }), fc.nat(), async (drawn, seed) => {
          const driver = new SlotDriver(model);
          const rows = await sideBySide(driver, drawn, seed, model.limits.decodeTokensMax);
          for (const [index, sequence] of drawn.entries()) {
            const key = JSON.stringify(sequence);
            if (!alone.has(key)) alone.set(key, (await sideBySide(soloist, [sequence], 0, 1))[0]!);
            expectSameBits(rows[index]!, alone.get(key)!);
          }
        }),
        { numRuns: 25 },
      );
    });

    it('gives the same bits for a prompt whose beginning another slot has computed', async () => {
      const { driver } = await open(form, weights, {}, kv);
      const prompt = words(60);
      const whole = await driver.run({ chunks: [{ slot: 0, tokenIds: prompt }] });
      await fc.assert(
        fc.asyncProperty(reuses, async ({ hit, from, to, decodeSlot, budgets }) => {
          for (const slot of slotsOf(driver)) driver.free(slot);
          // The source has gone on otherwise, and rested under decodes of others, as an idle slot does.
          const source = [...prompt.slice(0, hit), 1, 2, 3];
          while (driver.context(from).length < source.length) {
            await driver.run({ chunks: [{ slot: from, tokenIds: slice(source, driver.context(from).length, 64) }] });
          }
          const others = [0, decodeSlot, SLOTS - 1].filter(
            (slot, index, all) => slot !== from && all.indexOf(slot) === index,
          );
          for (const slot of others) {
            await driver.run({ chunks: [{ slot, tokenIds: words(5) }] });
            await driver.run({ decodes: others.filter((one) => driver.context(one).length > 0).map(decodeOf) });
          }
          driver.copy(from, to, hit);
          driver.release(to);
          if (from !== to) driver.free(from);
          for (let step = 0; driver.context(to).length < prompt.length; step++) {
            const tokenIds = slice(prompt, driver.context(to).length, budgets[step] ?? prompt.length);
            if (tokenIds.length === 0) continue;
            for (const row of await driver.run({ chunks: [{ slot: to, tokenIds }] })) {
              expectSameBits(row, whole[row.context.length - 1]!);
            }
          }
        }),
        { numRuns: 25 },
      );
    });

    it('finds in each row its best token, candidates and log-sum-exps', async () => {
      const { model } = await open(form, weights, {}, kv);
      const temperatures = [0.7, 1];
      const driver = new SlotDriver(model, { temperatures });
      await driver.run({ chunks: [{ slot: 2, tokenIds: words(9) }] });
      const pass = { decodes: [{ slot: 2, tokenIds: [7] }], chunks: [{ slot: 3, tokenIds: words(5) }] };
      for (const row of await driver.run(pass)) {
        const ranked = [...row.logits.keys()].sort((a, b) => row.logits[b]! - row.logits[a]! || a - b);
        expect(row.best).toBe(ranked[0]);
        expect([...row.candidates!.tokenIds]).toEqual(ranked.slice(0, 128));
        expect([...row.candidates!.logits]).toEqual(ranked.slice(0, 128).map((tokenId) => row.logits[tokenId]));
        for (const [index, temperature] of temperatures.entries()) {
          expect(row.logSumExps[index]).toBeCloseTo(logSumExp(row.logits, temperature), 4);
        }
      }
    });
  },
);

const blockForms = eachKernels.flatMap((kernels) => (['q8', 'q4'] as const).map((mode) => ({ ...kernels, mode })));

describe.each(blockForms)('LaneModel.forward with $mode weights on $kernels kernels', ({ mode, ...kernels }) => {
  it('gives the logits of the reference on the rounded weights, to the rounding of activations', async () => {
    const { tiny, driver } = await open(kernels, mode, { tied: false });
    const weights = new Map([...tiny.weights].map(([name, tensor]) => [name, rounded(name, tensor, mode)]));
    const rows = await driver.run({ chunks: [{ slot: 0, tokenIds: words(40) }] });
    const expected = referenceLogits(weights, tiny.config, words(40));
    const errors = rows.flatMap((row, index) => [...row.logits.map((logit, id) => logit - expected[index]![id]!)]);
    expect(deviation(errors) / deviation(expected.flatMap((row) => [...row]))).toBeLessThan(ACTIVATION_ROUNDING);
  });
});

const int8Kernels = eachKernels.filter(({ kernels }) => kernels === 'own' || addsInt8Exactly());

describe.each(int8Kernels)('LaneModel.forward with w8a8 weights on $kernels kernels', (kernels) => {
  it.each([true, false])('is about as close to the exact weights as 8-bit blocks are (tied head: %s)', async (tied) => {
    const errorOf = async (mode: WeightMode): Promise<number> => {
      const { tiny, driver } = await open(kernels, mode, { tied });
      const rows = await driver.run({ chunks: [{ slot: 0, tokenIds: words(40) }] });
      const expected = referenceLogits(tiny.weights, tiny.config, words(40));
      const errors = rows.flatMap((row, index) => [...row.logits.map((logit, id) => logit - expected[index]![id]!)]);
      return deviation(errors) / deviation(expected.flatMap((row) => [...row]));
    };
    expect((await errorOf('w8a8')) / (await errorOf('q8'))).toBeLessThan(INT8_OVER_BLOCKS);
  });
});

describe('LaneModel.forward with keys and values in 8 bits', () => {
  it.each<[string, TinyModelOptions]>([
    ['fewer key-value heads than heads', {}],
    ['one key-value head', { kvHeads: 1 }],
    ['a sliding window shorter than the text', { slidingWindowTokens: 8 }],
    ['heads wider than their share of the hidden size', { headDim: 32 }],
  ])('gives the logits of the reference to the rounding of keys and values, for %s', async (_, options) => {
    const { tiny, driver } = await open(runtimeKernels, 'f32', options, 'q8');
    const rows = await driver.run({ chunks: [{ slot: 1, tokenIds: words(30) }] });
    for (const tokenId of words(10)) rows.push(...(await driver.run({ decodes: [{ slot: 1, tokenIds: [tokenId] }] })));
    const expected = referenceLogits(tiny.weights, tiny.config, rows.at(-1)!.context);
    for (const part of [rows.slice(0, 30), rows.slice(30)]) {
      const from = rows.indexOf(part[0]!);
      const errors = part.flatMap((row, index) => [
        ...row.logits.map((logit, id) => logit - expected[from + index]![id]!),
      ]);
      expect(deviation(errors) / deviation(expected.flatMap((row) => [...row]))).toBeLessThan(KV_ROUNDING);
    }
  });
});

describe.each(eachKernels)('LaneModel on $kernels kernels', (kernels) => {
  it('says what a plan must keep to', async () => {
    const { model, driver } = await open(kernels, 'f32');
    const { chunksMax } = model.limits;
    const chunks = Array.from({ length: chunksMax + 1 }, () => ({ slot: 0, tokenIds: [1, 2] }));
    await expect(driver.run({ chunks })).rejects.toThrow(
      `a plan has at most ${chunksMax} chunks, not ${chunksMax + 1}`,
    );
    const other = new SlotDriver(model);
    const pass = other.run({ chunks: [{ slot: 0, tokenIds: [1, 2] }] });
    await expect(other.run({ chunks: [{ slot: 1, tokenIds: [1, 2] }] })).rejects.toThrow(
      'a pass wants 1 executors, and 0 are free',
    );
    await pass;
  });

  it('fills a slot to the last token of the context', async () => {
    const { tiny, driver } = await open(kernels, 'f32');
    const prompt = words(sizes.contextTokens - 1);
    await driver.run({ chunks: [{ slot: SLOTS - 1, tokenIds: prompt.slice(0, 60) }] });
    await driver.run({ chunks: [{ slot: SLOTS - 1, tokenIds: prompt.slice(60) }] });
    await driver.run({ chunks: [{ slot: 0, tokenIds: [1, 2] }] });
    const decodes = [0, SLOTS - 1].map((slot) => ({ slot, tokenIds: [9] }));
    expectReference(tiny, await driver.run({ decodes }));
    // Idle over a full slot, and a decode on both sides of it.
    expectReference(tiny, await driver.run({ decodes: decodes.slice(0, 1), chunks: [{ slot: 1, tokenIds: [3, 4] }] }));
  });
});

const sizes = { contextTokens: 80, stepTokensMax: 64, threads: 1 };

async function open(
  kernels: KernelsUnderTest,
  weights: WeightMode,
  options: TinyModelOptions = {},
  kv: KvMode = 'f32',
  executors: ExecutorMode = 'wide',
) {
  const tiny = await folder.compile(3, weights, { contextTokens: 128, ...options }, { ...kernels, kv });
  const threads = executors === 'wide' ? 1 : 2;
  const model = keep(new LaneModel(tiny.files, { ...tiny.library, ...sizes, threads, executors, slots: SLOTS }));
  return { tiny, model, driver: new SlotDriver(model) };
}

function keep(model: LaneModel): LaneModel {
  models.push(model);
  return model;
}

function words(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 97 + index * index * 31 + 5) % 288);
}

const known = new WeakMap<CompiledTinyModel, Map<string, Float32Array>>();

/** The reference's row behind a context; a text's rows come in one go, so the longest context should come first. */
function reference(tiny: CompiledTinyModel, context: readonly number[]): Float32Array {
  const rows = known.get(tiny) ?? new Map<string, Float32Array>();
  known.set(tiny, rows);
  if (!rows.has(context.join())) {
    for (const [index, logits] of referenceLogits(tiny.weights, tiny.config, context).entries()) {
      rows.set(context.slice(0, index + 1).join(), logits);
    }
  }
  return rows.get(context.join())!;
}

function expectReference(tiny: CompiledTinyModel, rows: readonly KeptRow[]): void {
  for (const { logits, context } of rows.toReversed()) {
    const expected = reference(tiny, context);
    const error = Math.max(...logits.map((logit, tokenId) => Math.abs(logit - expected[tokenId]!)));
    expect(error).toBeLessThan(LOGIT_TOLERANCE);
  }
}

function expectSameBits(actual: KeptRow, expected: KeptRow): void {
  expect(actual.context).toEqual(expected.context);
  const different = actual.logits.findIndex((logit, tokenId) => !Object.is(logit, expected.logits[tokenId]));
  expect(different).toBe(-1);
}

function logSumExp(logits: Float32Array, temperature: number): number {
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit / temperature), 0));
}

/** A tensor as the compiler keeps it: matrices in blocks, embedding and head in 8 bits, the rest as it is. */
function rounded(name: string, { shape, data }: ReferenceTensor, mode: WeightMode): ReferenceTensor {
  const columns = shape[1];
  if (columns === undefined) return { shape, data };
  if (mode === 'q8' || name === 'token_embd.weight' || name === 'output.weight') {
    return { shape, data: blocksToFloats(quantize8(data), 8, columns) };
  }
  return { shape, data: blocksToFloats(quantize4(data, columns), 4, columns) };
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

const reuses = fc.record({
  hit: fc.integer({ min: 2, max: 58 }),
  from: fc.nat(SLOTS - 1),
  to: fc.nat(SLOTS - 1),
  decodeSlot: fc.nat(SLOTS - 1),
  budgets: fc.array(fc.integer({ min: 2, max: 40 }), { maxLength: 4 }),
});

function slotsOf(driver: SlotDriver): number[] {
  return Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => driver.context(slot).length > 0);
}

function decodeOf(slot: number): Act {
  return { slot, tokenIds: [7] };
}

/** What the scheduler would take of a prompt. */
function slice(prompt: readonly number[], from: number, budget: number): number[] {
  return prompt.slice(from, from + chunkTokens(prompt.length - from, budget, BLOCK_TOKENS));
}

/** What a slot does in a pass: nothing, a decode of one token or of several, a chunk, or its sequence ends before it. */
type SlotAct = 'rest' | 'free' | 'decode' | 'decode 2' | 'decode 3' | number;

const plainActs: readonly SlotAct[] = ['rest', 'free', 'decode', 'decode', 'decode 2', 'decode 3'];

const histories: fc.Arbitrary<SlotAct[][]> = fc.array(
  fc.array(fc.oneof(fc.constantFrom<SlotAct>(...plainActs), fc.integer({ min: 2, max: 9 })), {
    minLength: SLOTS,
    maxLength: SLOTS,
  }),
  { minLength: 1, maxLength: 6 },
);

/** A pass of these acts: at most two chunks, a decode only where something is in the slot, of one token beside chunks. */
function passOf(driver: SlotDriver, acts: readonly SlotAct[]): Pass {
  const isMixed = acts.some((act) => typeof act === 'number');
  const decodes: Act[] = [];
  const chunks: Act[] = [];
  for (const [slot, act] of acts.entries()) {
    if (act === 'free') driver.free(slot);
    const at = driver.context(slot).length;
    const fresh = (count: number) => Array.from({ length: count }, (_, i) => (slot * 53 + (at + i) * 19 + 1) % 288);
    if (typeof act === 'string' && act.startsWith('decode') && at > 0) {
      decodes.push({ slot, tokenIds: fresh(isMixed ? 1 : Number(act.split(' ')[1] ?? 1)) });
    }
    if (typeof act === 'number' && chunks.length < 2) chunks.push({ slot, tokenIds: fresh(act) });
  }
  if (decodes.length + chunks.length === 0) chunks.push({ slot: 0, tokenIds: [1, 2] });
  return { decodes, chunks };
}

interface DrawnSequence {
  readonly prompt: readonly number[];
  readonly output: readonly number[];
}

const sequences: fc.Arbitrary<DrawnSequence> = fc
  .record({ offset: fc.nat(3), promptTokens: fc.integer({ min: 2, max: 40 }), outputTokens: fc.nat(5) })
  .map(({ offset, promptTokens, outputTokens }) => {
    const ids = words(50).slice(offset);
    return { prompt: ids.slice(0, promptTokens), output: ids.slice(promptTokens, promptTokens + outputTokens) };
  });

/**
 * Runs sequences together, each a slot, cut and paused as the seed says; the last row of each. Passes of decodes alone take
 * up to `decodeTokensMax` tokens of a sequence, the last of which may be wrong guesses.
 */
async function sideBySide(
  driver: SlotDriver,
  drawn: readonly DrawnSequence[],
  seed: number,
  decodeTokensMax: number,
): Promise<KeptRow[]> {
  const last: KeptRow[] = [];
  const rng = seededRng(seed);
  for (const slot of drawn.keys()) driver.free(slot);
  for (;;) {
    const decodes: Act[] = [];
    const chunks: Act[] = [];
    /** Tokens of slots that decode, without guesses. */
    const known = new Map<number, number>();
    let isDone = true;
    const isMixed = drawn.some(({ prompt }, slot) => driver.context(slot).length < prompt.length);
    for (const [slot, { prompt, output }] of drawn.entries()) {
      const done = driver.context(slot).length;
      if (done === prompt.length + output.length) continue;
      isDone = false;
      if (rng.below(4) === 0) continue;
      if (done >= prompt.length) {
        const next = output.slice(done - prompt.length).slice(0, 1 + (isMixed ? 0 : rng.below(decodeTokensMax)));
        const guesses = isMixed ? 0 : rng.below(decodeTokensMax - next.length + 1);
        known.set(slot, done + next.length);
        decodes.push({ slot, tokenIds: [...next, ...words(guesses)] });
      } else if (chunks.length < 2) chunks.push({ slot, tokenIds: slice(prompt, done, 4 + rng.below(29)) });
    }
    if (isDone) return last;
    if (decodes.length + chunks.length === 0) continue;
    const rows = await driver.run({ decodes, chunks });
    let row = -1;
    for (const { slot, tokenIds } of [...decodes, ...chunks]) {
      row += tokenIds.length;
      const guesses = known.has(slot) ? driver.context(slot).length - known.get(slot)! : 0;
      last[slot] = rows[row - guesses]!;
      if (guesses > 0) driver.copy(slot, slot, known.get(slot)!);
    }
  }
}
