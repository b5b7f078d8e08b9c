import { createLog, systemClock } from '@sluice/shared';
import { afterAll, describe, expect, it } from 'vitest';
import { Engine } from '../engine/engine.js';
import { createPolicy } from '../engine/scheduler/policies.js';
import type { PromptWish, SequenceRequest } from '../engine/sequence.js';
import { type Outcome, Outcomes, request } from '../engine/test-support/outcomes.js';
import type { WeightMode } from './compile/linear.js';
import { addsInt8Exactly } from './int8-sums.js';
import { LaneModel } from './lane-model.js';
import { referenceLogits, referenceStates } from './reference.js';
import { type CompiledTinyModel, TinyModelFolder } from './test-support/compiled-tiny-model.js';
import { eachKernels } from './test-support/each-kernels.js';

const log = createLog('test', {});
log.level = 'silent';

const folder = new TinyModelFolder();
afterAll(() => folder.remove());

const everything: PromptWish = { logprobsTop: 2, pooling: 'mean' };
const last: PromptWish = { logprobsTop: undefined, pooling: 'last' };
/** Cosine of embeddings in w8a8 and exact ones: 0.9992 at least over these. */
const INT8_COSINE = 0.998;

describe.each(eachKernels)('Engine over LaneModel on $kernels kernels, asked about prompts', (kernels) => {
  const isInt8 = kernels.kernels === 'own' || addsInt8Exactly();
  it('scores and pools as the reference does', async () => {
    const tiny = await folder.compile(6, 'f32', { contextTokens: 128 }, kernels);
    const asked = [
      request({ id: 'mean', promptIds: words(61, 3), tokensMax: 0, promptWish: everything }),
      request({ id: 'last', promptIds: words(40, 5), tokensMax: 0, promptWish: last }),
      request({ id: 'one', promptIds: [7], tokensMax: 0, promptWish: everything }),
      request({ id: 'both', promptIds: words(33, 4), tokensMax: 3, promptWish: everything }),
    ];
    const outcomes = await play(tiny, asked, { tokenBudget: 24, prefixCache: true });
    for (const { id, promptIds, promptWish } of asked) {
      const outcome = outcomes.get(id);
      if (promptWish?.logprobsTop !== undefined) expectScores(outcome, tiny, promptIds);
      expectEmbedding(outcome, tiny, promptIds, promptWish?.pooling ?? 'mean');
    }
    expect(outcomes.get('both').tokenIds.length).toBe(3);
  });

  it('pools as the reference does, about, where hidden states are turned', async ({ skip }) => {
    skip(!isInt8, 'this processor cuts off sums of 8-bit products');
    const tiny = await folder.compile(6, 'w8a8', { contextTokens: 128 }, kernels);
    const asked = (['mean', 'last'] as const).map((pooling, index) =>
      request({ id: pooling, promptIds: words(40 + index, 5), tokensMax: 0, promptWish: { ...last, pooling } }),
    );
    const outcomes = await play(tiny, asked, { tokenBudget: 24, prefixCache: true });
    for (const { id, promptIds, promptWish } of asked) {
      const embedding = outcomes.get(id).embedding ?? new Float32Array();
      const pooled = pooledStates(tiny, promptIds, promptWish?.pooling ?? 'mean');
      const product = pooled.reduce((sum, value, index) => sum + value * (embedding[index] ?? 0), 0);
      expect(product / Math.hypot(...pooled)).toBeGreaterThan(INT8_COSINE);
    }
  });

  it.each<WeightMode>(['q8', 'q4', 'f32', ...(isInt8 ? (['w8a8'] as const) : [])])(
    'gives the same bits in %s however prompts are cut and batched',
    async (mode) => {
      const tiny = await folder.compile(7, mode, { contextTokens: 128 }, kernels);
      const asked = ['a', 'b', 'c'].map((id, index) =>
        request({ id, promptIds: words(50, index + 1), tokensMax: 0, promptWish: index === 2 ? last : everything }),
      );
      const busy = [request({ id: 'busy', promptIds: words(9, 7), tokensMax: 40 })];
      const alone = await play(tiny, asked.slice(0, 1), { tokenBudget: 80, prefixCache: false });
      const together = await play(tiny, asked, { tokenBudget: 80, prefixCache: false });
      const sliced = await play(tiny, [...busy, ...asked, ...again(asked)], { tokenBudget: 21, prefixCache: true });
      expect(together.get('a')).toEqual(alone.get('a'));
      for (const { id } of asked) {
        const { scores, embedding } = together.get(id);
        expect(sliced.get(id)).toMatchObject({ ...(scores ? { scores } : {}), embedding });
        expect(sliced.get(`${id} again`)).toMatchObject({ ...(scores ? { scores } : {}), embedding });
      }
      // What is asked about every token computes every token; the last one's state alone may come out of the cache.
      expect(sliced.get('a again').cachedTokens).toBe(0);
      expect(sliced.get('c again').cachedTokens).toBe(48);
    },
  );
});

/** The same once more, when the others are through. */
function again(asked: readonly SequenceRequest[]): SequenceRequest[] {
  return asked.map((one) => ({ ...one, id: `${one.id} again` }));
}

async function play(
  tiny: CompiledTinyModel,
  requests: readonly SequenceRequest[],
  { tokenBudget, prefixCache }: { tokenBudget: number; prefixCache: boolean },
): Promise<Outcomes> {
  const sizes = { slots: 5, contextTokens: 96, stepTokensMax: tokenBudget, threads: 1 };
  const model = new LaneModel(tiny.files, { ...tiny.library, ...sizes });
  const outcomes: Outcomes = new Outcomes(() => engine.load().running + engine.load().waiting === 0);
  const engine = new Engine(
    { tokenBudget, kvTokensMax: 480, waitingMax: 20, prefixCache },
    { model, policy: createPolicy('sarathi'), clock: systemClock(), log, listener: outcomes.add },
  );
  const later = requests.filter(({ id }) => id.endsWith('again'));
  for (const one of requests) if (!later.includes(one)) expect(engine.submit(one)).toBeUndefined();
  await outcomes.allEnded();
  for (const one of later) expect(engine.submit(one)).toBeUndefined();
  await outcomes.allEnded();
  await engine.close();
  model.close();
  return outcomes;
}

function expectScores(outcome: Outcome, { weights, config }: CompiledTinyModel, promptIds: readonly number[]): void {
  const scores = outcome.scores ?? [];
  expect(scores.map(({ tokenId }) => tokenId)).toEqual(promptIds);
  expect(scores[0]).toEqual({ tokenId: promptIds[0], logprob: 0, top: [] });
  const rows = referenceLogits(weights, config, promptIds);
  for (const [position, { tokenId, logprob, top }] of scores.entries()) {
    if (position === 0) continue;
    const row = rows[position - 1]!;
    const logSumExp = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
    expect(logprob).toBeCloseTo(row[tokenId]! - logSumExp, 3);
    expect(top.map((one) => one.logprob)).toEqual([...top].map((one) => one.logprob).sort((a, b) => b - a));
    expect(top[0]!.logprob).toBeCloseTo(Math.max(...row) - logSumExp, 3);
  }
}

function expectEmbedding(
  outcome: Outcome,
  tiny: CompiledTinyModel,
  promptIds: readonly number[],
  pooling: 'mean' | 'last',
): void {
  const pooled = pooledStates(tiny, promptIds, pooling);
  const length = Math.hypot(...pooled);
  const { embedding } = outcome;
  expect(embedding?.length).toBe(tiny.config.hidden);
  expect(Math.hypot(...(embedding ?? []))).toBeCloseTo(1, 5);
  for (const [index, value] of (embedding ?? []).entries()) expect(value).toBeCloseTo(pooled[index]! / length, 4);
}

function pooledStates(
  { weights, config }: CompiledTinyModel,
  promptIds: readonly number[],
  pooling: 'mean' | 'last',
): Float64Array {
  const states = referenceStates(weights, config, promptIds);
  return pooling === 'last' ? states.at(-1)! : states[0]!.map((_, i) => states.reduce((sum, x) => sum + x[i]!, 0));
}

function words(count: number, factor: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * index * factor + 7 * index + factor) % 60);
}
