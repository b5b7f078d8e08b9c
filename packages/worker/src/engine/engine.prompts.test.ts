import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PREFILL_TOKENS_MIN } from './engine.js';
import { sampleToken } from './sampling/sampler.js';
import { policyNames } from './scheduler/policies.js';
import { greedySampling, type Logprobs, type PromptWish, type SequenceRequest } from './sequence.js';
import { hashHidden, hashRow } from './test-support/hash-model.js';
import { type Outcome, request, start } from './test-support/outcomes.js';

const VOCABULARY = 24;

describe('Engine, asked about prompts', () => {
  it('tells of each prompt what it would alone, once, whatever runs beside it', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async ({ policy, options, limits, entries }) => {
        const { model, engine, outcomes } = start(options, limits, undefined, policy);
        const left = [...entries];
        const submitUpTo = (pass: number): void => {
          while (left[0] !== undefined && left[0].atPass <= pass) {
            expect(engine.submit(left.shift()!.request)).toBeUndefined();
          }
        };
        model.onPass = (pass) => submitUpTo(pass);
        submitUpTo(0);
        await outcomes.allEnded();
        submitUpTo(Number.POSITIVE_INFINITY);
        await outcomes.allEnded();
        for (const one of entries) expectAlone(outcomes.get(one.request.id), one.request);
        expect(engine.load()).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0, prefillTokensWaiting: 0 });
        await engine.close();
      }),
      { numRuns: 300 },
    );
  });

  it('tells nothing twice when a prompt that is half computed loses its slot', async () => {
    for (const swapBytesMax of [0, 1_000]) {
      let preempted = 0;
      const { model, engine, outcomes } = start(
        { tokenBudget: 40, kvTokensMax: 192, swapBytesMax, waitingMax: 10 },
        // Chunks of four tokens.
        { slotsMax: 3, contextTokens: 128, wantedRowsMax: 20 },
        (step) => {
          preempted += step.preempted;
        },
      );
      const asked = request({ id: 'asked', promptIds: words(120, 1), tokensMax: 0, promptWish: scores });
      model.onPass = (pass) => {
        if (pass === 1) engine.submit(asked);
      };
      for (const id of ['a', 'b']) engine.submit(request({ id, promptIds: words(5, 2), tokensMax: 40 }));
      await outcomes.allEnded();
      expect(preempted).toBeGreaterThan(0);
      expectAlone(outcomes.get('asked'), asked);
      await engine.close();
    }
  });

  it('keeps end tokens back until there are enough tokens', async () => {
    const everything = new Set(Array.from({ length: VOCABULARY - 1 }, (_, id) => id));
    for (const temperature of [0, 0.8]) {
      const { engine, outcomes } = start({ tokenBudget: 20, kvTokensMax: 256, waitingMax: 10 }, {});
      const sampling = { ...greedySampling, temperature, seed: 7 };
      const common = { promptIds: [1, 2, 3], tokensMax: 20, sampling, stopTokenIds: everything };
      engine.submit(request({ ...common, id: 'held', tokensMin: 5 }));
      outcomes.generatedElsewhere.set('resumed', 3);
      engine.submit(request({ ...common, id: 'resumed', tokensMin: 5, generatedIds: [23, 23, 23] }));
      engine.submit(request({ ...common, id: 'free' }));
      await outcomes.allEnded();
      expect(outcomes.get('held').tokenIds.slice(0, 5)).toEqual([23, 23, 23, 23, 23]);
      expect(outcomes.get('resumed').tokenIds.slice(0, 2)).toEqual([23, 23]);
      expect(outcomes.get('free').tokenIds.length).toBeLessThan(5);
      await engine.close();
    }
  });

  it('computes the prompt of a group once', async () => {
    const { model, engine, outcomes } = start({ tokenBudget: 20, kvTokensMax: 512, waitingMax: 10 }, { slotsMax: 4 });
    let computed = 0;
    model.onPass = (_, plan) => {
      for (const chunk of plan.chunks) computed += chunk.tokenIds.length;
    };
    for (const seed of [1, 2, 3, 4]) {
      const sampling = { ...greedySampling, temperature: 1, seed };
      engine.submit(request({ id: `r${seed}`, promptIds: words(50, 2), tokensMax: 5, sampling, group: 'g' }));
    }
    expect(engine.load()).toMatchObject({ waiting: 4, prefillTokensWaiting: 50 + 3 * 2 });
    await outcomes.allEnded();
    // The last two tokens of a prompt are always computed.
    expect(computed).toBe(50 + 3 * 2);
    for (const seed of [2, 3, 4])
      expect(outcomes.get(`r${seed}`)).toMatchObject({ cachedTokens: 48, reason: 'length' });
    await engine.close();
  });

  it('lets another one of a group lead when the first is cancelled, or fails', async () => {
    for (const end of ['cancel', 'fail'] as const) {
      const { model, engine, outcomes } = start({ tokenBudget: 20, kvTokensMax: 512, waitingMax: 10 }, { slotsMax: 4 });
      model.onPass = (pass) => {
        if (pass === 1 && end === 'cancel') engine.cancel('r0');
      };
      if (end === 'fail') model.failing.add(1);
      for (const id of ['r0', 'r1', 'r2']) engine.submit(request({ id, promptIds: words(50, 2), group: 'g' }));
      await outcomes.allEnded();
      expect(outcomes.get('r0').reason).toBe(end === 'cancel' ? 'cancelled' : 'engine_failed');
      for (const id of ['r1', 'r2']) expect(outcomes.get(id)).toMatchObject({ reason: 'length' });
      await engine.close();
    }
  });

  it('computes the prompts of a group side by side where none is kept', async () => {
    const options = { tokenBudget: 64, kvTokensMax: 512, waitingMax: 10, prefixCache: false };
    const { model, engine, outcomes } = start(options, { slotsMax: 4 });
    const chunks: number[] = [];
    model.onPass = (_, plan) => chunks.push(plan.chunks.length);
    for (const id of ['r0', 'r1']) engine.submit(request({ id, promptIds: words(20, 2), group: 'g' }));
    await outcomes.allEnded();
    expect(chunks[0]).toBe(2);
    await engine.close();
  });

  it('takes a prompt that fills the context where nothing is to be generated', async () => {
    const { engine, outcomes } = start({ tokenBudget: 64, kvTokensMax: 512, waitingMax: 10 }, {});
    const asked = request({ promptIds: words(64, 3), tokensMax: 0, promptWish: scores });
    expect(engine.submit(asked)).toBeUndefined();
    expect(engine.submit(request({ id: 'more', promptIds: words(65, 3), tokensMax: 0 }))?.message).toContain(
      'at most 64',
    );
    await outcomes.allEnded();
    expectAlone(outcomes.get('one'), asked);
    await engine.close();
  });

  it('refuses what the model cannot give', async () => {
    const limits = { embeddingLength: 0, wantedRowsMax: 5, stepTokensMax: 64 };
    const { engine } = start({ tokenBudget: 64, kvTokensMax: 512, waitingMax: 10 }, limits);
    const pooling = { logprobsTop: undefined, pooling: 'mean' } as const;
    expect(engine.submit(request({ tokensMax: 0, promptWish: pooling }))).toMatchObject({ field: 'pooling' });
    expect(engine.submit(request({ promptWish: scores }))).toMatchObject({ field: 'prompt_logprobs' });
    await engine.close();
  });
});

const scores: PromptWish = { logprobsTop: 1, pooling: undefined };

/** The naive oracle: every context is hashed anew. */
function expectAlone(outcome: Outcome, { promptIds, promptWish, tokensMax }: SequenceRequest): void {
  expect(outcome.reason).toBe('length');
  expect(outcome.tokenIds.length).toBe(tokensMax);
  const sequence = [...promptIds];
  for (const tokenId of outcome.tokenIds) {
    const row = hashRow(sequence, { temperatures: [] }, VOCABULARY);
    expect(tokenId).toBe(sampleToken(row, greedySampling, undefined, 0));
    sequence.push(tokenId);
  }
  const top = promptWish?.logprobsTop;
  expect(outcome.scores ?? []).toEqual(top === undefined ? [] : scoresOf(promptIds, top));
  const pooling = promptWish?.pooling;
  if (pooling === undefined) expect(outcome.embedding).toBeUndefined();
  else expect(outcome.embedding).toEqual(embeddingOf(promptIds, pooling));
}

function scoresOf(promptIds: readonly number[], top: number): Logprobs[] {
  return promptIds.map((tokenId, position) => {
    if (position === 0) return { tokenId, logprob: 0, top: [] };
    const row = hashRow(promptIds.slice(0, position), { temperatures: [1] }, VOCABULARY);
    const logprobOf = (id: number): number => row.logits[id]! - row.logSumExps[0]!;
    const likeliest = [...row.candidates!.tokenIds].slice(0, top);
    return {
      tokenId,
      logprob: logprobOf(tokenId),
      top: likeliest.map((id) => ({ tokenId: id, logprob: logprobOf(id) })),
    };
  });
}

function embeddingOf(promptIds: readonly number[], pooling: 'mean' | 'last'): Float32Array {
  const states = promptIds.map((_, position) => hashHidden(promptIds.slice(0, position + 1)));
  const pooled =
    pooling === 'last' ? [...states.at(-1)!] : [...states[0]!].map((_, i) => states.reduce((s, x) => s + x[i]!, 0));
  const length = Math.sqrt(pooled.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from(pooled, (value) => value / length);
}

function words(count: number, factor: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * index + 7 * index * factor) % 23);
}

const wishes = fc.constantFrom<(PromptWish | undefined)[]>(
  undefined,
  scores,
  { logprobsTop: 0, pooling: undefined },
  { logprobsTop: undefined, pooling: 'mean' },
  { logprobsTop: undefined, pooling: 'last' },
  { logprobsTop: 3, pooling: 'mean' },
);

/** Little memory, so that sequences lose their slots; few prompts, so that they find each other. */
const histories = fc
  .record({
    policy: fc.constantFrom(...policyNames),
    slotsMax: fc.integer({ min: 1, max: 5 }),
    chunksRoundAsDecodes: fc.boolean(),
    chunksMax: fc.integer({ min: 1, max: 3 }),
    wantedRowsMax: fc.constantFrom(64, 44),
    extraBudget: fc.integer({ min: 0, max: 30 }),
    kvTokensMax: fc.integer({ min: 64, max: 200 }),
    swapBytesMax: fc.constantFrom(0, 400),
    prefixCache: fc.boolean(),
    entries: fc.array(
      fc.record({
        promptIds: fc
          .record({ length: fc.integer({ min: 1, max: 45 }), factor: fc.integer({ min: 1, max: 2 }) })
          .map(({ length, factor }) => words(length, factor)),
        tokensMax: fc.constantFrom(0, 0, 3, 18),
        promptWish: wishes,
        group: fc.constantFrom(undefined, 'g', 'h'),
        atPass: fc.integer({ min: 0, max: 12 }),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  })
  .map(
    ({
      policy,
      slotsMax,
      chunksRoundAsDecodes,
      chunksMax,
      wantedRowsMax,
      extraBudget,
      kvTokensMax,
      swapBytesMax,
      prefixCache,
      entries,
    }) => ({
      policy,
      limits: { slotsMax, chunksMax, wantedRowsMax, chunksRoundAsDecodes },
      options: {
        ...{ tokenBudget: slotsMax + PREFILL_TOKENS_MIN + extraBudget, waitingMax: 100 },
        ...{ kvTokensMax, swapBytesMax, prefixCache },
      },
      entries: entries
        .sort((a, b) => a.atPass - b.atPass)
        .map(({ atPass, promptWish, group, ...fields }, index) => ({
          atPass,
          request: request({
            id: `r${index}`,
            ...fields,
            ...(promptWish === undefined ? {} : { promptWish }),
            ...(group === undefined ? {} : { group }),
          }),
        })),
    }),
  );
