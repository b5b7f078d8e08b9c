import { createHash } from 'node:crypto';
import { cacheFolder } from '@sluice/shared';
import {
  CHUNK_COUNTS,
  DECODE_COUNTS,
  type KvMode,
  kvModes,
  LaneModel,
  openCompiled,
  openGguf,
  type WeightMode,
  wantBest,
} from '@sluice/worker';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { chunkTokens } from '../../packages/worker/src/engine/scheduler/policy.js';
import { hasByteProducts } from '../../packages/worker/src/io/kernels/processor-features.js';
import { kvFor } from '../../packages/worker/src/model/compile/kernels.js';
import { addsInt8Exactly } from '../../packages/worker/src/model/int8-sums.js';
import { eachKernels, type KernelsUnderTest } from '../../packages/worker/src/model/test-support/each-kernels.js';
import { defaultModelPath } from '../support/default-model.js';

/** Longer than what attention computes at a time, whatever this machine's caches. */
const PROMPT_TOKENS = 600;
const OUTPUT_TOKENS = 3;
/** The default model has 9 heads. */
const MANY_THREADS = 12;
const modelPath = defaultModelPath();
const models = new Map<string, LaneModel>();

beforeEach(({ skip }) => skip(modelPath === undefined, 'the default model was not fetched'));
afterAll(() => {
  for (const model of models.values()) model.close();
});

const prompt = Array.from({ length: PROMPT_TOKENS }, (_, index) => (index * 7919 + index * index * 31 + 5) % 40_000);
const output = [300, 4_000, 70];

interface Form extends KernelsUnderTest {
  readonly weights: WeightMode;
  readonly kv: KvMode;
}

const forms = eachKernels.flatMap((kernels): Form[] => {
  const isOwn = kernels.kernels === 'own';
  const kvs = kvModes.filter((kv) => isOwn || kv !== 'f16');
  return [
    ...kvs.map((kv) => ({ ...kernels, weights: 'q8' as const, kv })),
    ...(isOwn || addsInt8Exactly()
      ? [{ ...kernels, weights: 'w8a8' as const, kv: kvFor('auto', kernels.kernels, 'w8a8', hasByteProducts()) }]
      : []),
  ];
});

describe.each(forms)(
  'the default model with $weights weights and keys and values in $kv on $kernels kernels',
  (form) => {
    it('gives the same bits wherever a prompt is cut', async () => {
      const model = await open(form);
      const whole = await answer(model, 0, 0, [PROMPT_TOKENS]);
      for (const budgets of [[64], [511, 89], [3, 130, 77]]) {
        expect(await answer(model, 1, 0, budgets)).toEqual(whole);
      }
    }, 120_000);

    it('gives the same bits behind a beginning that another slot computed', async () => {
      const model = await open(form);
      const whole = await answer(model, 0, 0, [PROMPT_TOKENS]);
      model.copy(0, 2, 514);
      expect(await answer(model, 2, 514, [128])).toEqual(whole);
    }, 120_000);

    it('gives a decode the same bits alone and between others, with more threads than heads', async () => {
      // Where threads are left over, the kernel would share out the context of a lone row among them, which rounds otherwise
      // than a row among many (compile/kv-format.ts). The contexts come from the other model: so many threads are slow here.
      const few = await open(form);
      await prefill(few, 0, 0, [PROMPT_TOKENS]);
      const many = await open(form, MANY_THREADS);
      const place = (slot: number, tokens: number): void => many.copyIn(slot, few.copyOut(0, tokens));
      place(2, PROMPT_TOKENS);
      const alone = await answerTo(many, 2);
      for (const slot of [0, 4]) place(slot, 20);
      for (const [index, tokenId] of output.entries()) {
        const others = [0, 4].map((slot) => ({
          slot,
          tokenIds: [9],
          position: 20 + index,
          want: undefined,
          wantTokens: 0,
        }));
        const own = { slot: 2, tokenIds: [tokenId], position: PROMPT_TOKENS + index, want: wantBest, wantTokens: 1 };
        const plan = { decodes: [others[0]!, own, others[1]!], chunks: [], resting: [] };
        expect(bitsOf((await many.forward(plan)).rows[0]!.logits)).toBe(bitsOf(alone[index]!));
      }
    }, 120_000);

    it('gives tokens that are decoded several in a pass the bits of one after the other', async () => {
      const model = await open(form);
      await prefill(model, 0, 0, [PROMPT_TOKENS]);
      model.copy(0, 2, PROMPT_TOKENS);
      const alone = await answerTo(model, 0);
      // Two and a wrong guess, which is written over by the third.
      for (const [from, tokenIds] of [
        [0, [...output.slice(0, 2), 9]],
        [2, output.slice(2)],
      ] as const) {
        const decode = {
          slot: 2,
          tokenIds,
          position: PROMPT_TOKENS + from,
          want: wantBest,
          wantTokens: tokenIds.length,
        };
        const { rows } = await model.forward({ decodes: [decode], chunks: [], resting: [] });
        for (const [index, row] of rows.entries()) {
          if (tokenIds[index] === output[from + index]) expect(bitsOf(row.logits)).toBe(bitsOf(alone[from + index]!));
        }
      }
    }, 120_000);
  },
);

async function open({ weights, kv, kernels, library }: Form, threads = 2): Promise<LaneModel> {
  const key = `${weights} ${kv} ${kernels} ${threads}`;
  const known = models.get(key);
  if (known !== undefined) return known;
  const file = await openGguf(modelPath!);
  try {
    const options = {
      weights,
      kv,
      kernels,
      threads,
      chunkCounts: CHUNK_COUNTS,
      decodeCounts: DECODE_COUNTS,
      cacheFolder: cacheFolder(),
    } as const;
    const sizes = { slots: 5, contextTokens: PROMPT_TOKENS + OUTPUT_TOKENS, stepTokensMax: PROMPT_TOKENS, threads };
    const model = new LaneModel(await openCompiled(file, options), { ...library, ...sizes });
    models.set(key, model);
    return model;
  } finally {
    await file.close();
  }
}

/** Of the prompt's last token and of the output behind it, which goes through the decode lane. */
async function answer(model: LaneModel, slot: number, from: number, budgets: readonly number[]): Promise<string[]> {
  const rows: Float32Array[] = [];
  await prefill(model, slot, from, budgets, (row) => rows.push(row));
  rows.push(...(await answerTo(model, slot)));
  return rows.map(bitsOf);
}

/** The rows of the output behind the prompt in a slot. */
async function answerTo(model: LaneModel, slot: number): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  for (const [index, tokenId] of output.entries()) {
    const decode = { slot, tokenIds: [tokenId], position: PROMPT_TOKENS + index, want: wantBest, wantTokens: 1 };
    rows.push((await model.forward({ decodes: [decode], chunks: [], resting: [] })).rows[0]!.logits.slice());
  }
  return rows;
}

/** Computes the prompt from a token on, cut as the scheduler would with these budgets and then the last one. */
async function prefill(
  model: LaneModel,
  slot: number,
  from: number,
  budgets: readonly number[],
  onLast: (row: Float32Array) => void = () => {},
): Promise<void> {
  let position = from;
  for (let step = 0; position < PROMPT_TOKENS; step++) {
    const budget = budgets[Math.min(step, budgets.length - 1)]!;
    const length = chunkTokens(PROMPT_TOKENS - position, budget, model.limits.chunkBlockTokens);
    const tokenIds = prompt.slice(position, position + length);
    const isLast = position + length === PROMPT_TOKENS;
    const want = isLast ? wantBest : undefined;
    const chunk = { slot, tokenIds, position, want, wantTokens: 1 };
    const { rows } = await model.forward({ decodes: [], chunks: [chunk], resting: [] });
    if (isLast) onLast(rows[0]!.logits.slice());
    position += length;
  }
}

/** Short, for a message that says which row differs. */
function bitsOf(row: Float32Array): string {
  const bytes = new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
