import { describe, expect, it } from 'vitest';
import type { StepCost } from '../cost-model.js';
import { levelled } from './even-slices.js';
import { createPolicy, type PolicyName } from './policies.js';
import type { SequenceView, StepLimits } from './policy.js';
import { decoding, nowMs, queueOf, sharingMachine, smallMachine, view } from './test-support/queues.js';
import { drive, type Outcome } from './test-support/small-engine.js';

/** Tokens of the chunks of a step under `sarathi`, in which prompts have 128, 3 chunks at most and 2 side by side. */
function slices(waiting: readonly SequenceView[], fields: Parameters<typeof queueOf>[0] = {}): number[] {
  const limits = { tokenBudget: 128, chunksMax: 3, chunksAbreast: 2, ...fields.limits };
  const cost = sharingMachine(limits.chunksAbreast);
  return createPolicy('sarathi')
    .decide(queueOf({ waiting, cost, ...fields, limits }))
    .chunks.map(({ tokens }) => tokens);
}

const prompts = (...tokens: readonly number[]): SequenceView[] =>
  tokens.map((promptTokens) => view({ promptTokens, blocks: 0 }));

const many = prompts(300, 300, 300, 300, 300, 300, 300, 300);

describe('evenSlices', () => {
  it('shares the budget evenly between two prompts that are computed side by side', () => {
    expect(slices(prompts(300, 300))).toEqual([64, 64]);
    expect(slices(prompts(300, 900, 40))).toEqual([64, 64]);
    expect(slices(many, { limits: { chunksAbreast: 4, chunksMax: 2 } })).toEqual([32, 32, 32, 32]);
  });

  it('gives the first all that it can take where a model computes one after the other', () => {
    expect(slices(prompts(300, 300), { limits: { chunksAbreast: 1 } })).toEqual([128]);
    expect(slices(prompts(100, 300), { limits: { chunksAbreast: 1 } })).toEqual([100, 28]);
  });

  it('leaves a lone prompt all of the budget, also where the other cannot come in', () => {
    expect(slices(prompts(300))).toEqual([128]);
    expect(slices(prompts(300, 300), { slotsFree: 1 })).toEqual([128]);
    expect(slices(prompts(300, 300), { blocksFree: 30 })).toEqual([128]);
  });

  it('makes slices end together, so one behind a long context is shorter', () => {
    const running = [view({ promptTokens: 900 }), view({ promptTokens: 3_900, computed: 2_000 })];
    const [first, second] = slices(many, { running });
    const costs = (context: number, tokens: number): number => tokens + 4e-4 * tokens * (context + tokens / 2);
    expect(second).toBeLessThan(first! - 10);
    expect(Math.abs(costs(0, first!) - costs(2_000, second!))).toBeLessThan(3);
    expect(first! + second!).toBeGreaterThanOrEqual(126);
  });

  it('keeps a less urgent prompt from slowing the first', () => {
    const [urgent, other] = prompts(300, 300);
    expect(slices([{ ...urgent!, priority: 'high' }, other!])).toEqual([128]);
    expect(slices([urgent!, { ...other!, priority: 'low' }])).toEqual([128]);
  });

  it('shares where first tokens come sooner on average: for two a larger gain is needed than for many', () => {
    const saving = (share: number): StepCost => ({
      ...smallMachine,
      predictMs: (work) => smallMachine.predictMs(work) - (work.chunks === 2 ? share : 0) * work.prefillTokens,
    });
    const count = (prompting: number, share: number) =>
      slices(prompts(...Array.from({ length: prompting }, () => 300)), { cost: saving(share) }).length;
    expect([count(2, 0.2), count(2, 0.32)]).toEqual([1, 2]);
    expect([count(8, 0.05), count(8, 0.2)]).toEqual([1, 2]);
  });

  it('makes no crumbs: below 16 tokens each the first has all', () => {
    expect(slices(many, { limits: { tokenBudget: 31 } })).toEqual([31]);
    expect(slices(many, { limits: { tokenBudget: 32 } })).toEqual([16, 16]);
  });

  it('lets a copied-out sequence that comes back with them count', () => {
    const copied = decoding(40, 3, { blocks: 0 });
    const policy = createPolicy('sarathi');
    const limits = { tokenBudget: 64, chunksAbreast: 2 };
    const { decodes, chunks } = policy.decide(queueOf({ waiting: [copied, ...prompts(300, 300)], limits }));
    expect(decodes).toEqual([copied]);
    expect(chunks.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(63);
  });
});

describe('ServiceLevel, on a machine that computes prompts side by side', () => {
  const cost = sharingMachine(2);
  const limits = { chunksAbreast: 2 };
  const policy = () => createPolicy('slo');

  it('gives two prompts the slices that end together within the time of the step', () => {
    const { chunks } = policy().decide(queueOf({ waiting: prompts(600, 600, 600), cost, limits }));
    expect(chunks.map(({ tokens }) => tokens)).toEqual([expect.any(Number), chunks[0]!.tokens]);
    // 400 ms less the margin hold 300 tokens one after the other.
    expect(2 * chunks[0]!.tokens).toBeGreaterThan(380);
  });

  it('lets the first go alone where it would have its first token too late beside another', () => {
    const due = (leftMs: number) => {
      const [first, second] = prompts(600, 600).map((one) => ({ ...one, objectives: { ttftMs: leftMs, tbtMs: 200 } }));
      const later = { ...second!, objectives: { ttftMs: 9_000, tbtMs: 200 } };
      return policy().decide(queueOf({ waiting: [first!, later, ...prompts(600)], cost, limits })).chunks.length;
    };
    expect([due(800), due(1_200)]).toEqual([1, 2]);
  });

  it('keeps every gap inside the objective while prompts come in pairs', () => {
    const streams = Array.from({ length: 16 }, (_, index) => ({ atMs: index, promptTokens: 20, outputTokens: 80 }));
    const long = { promptTokens: 1_000, outputTokens: 4 };
    const { finished } = drive(policy(), [...streams, { atMs: 1_500, ...long }, { atMs: 1_510, ...long }], machine(2));
    expect(Math.max(...finished.flatMap((one) => one.gapsMs))).toBeLessThanOrEqual(200);
  });
});

describe.each([
  // Its steps are short beside streams as long as prompts are in time.
  ['slo', 0.92],
  ['sarathi', 0.875],
] as const)('%s, with 16 requests of 256 and 64 tokens at once', (name: PolicyName, ratio: number) => {
  const arrivals = Array.from({ length: 16 }, () => ({ atMs: 0, promptTokens: 256, outputTokens: 64 }));

  it('has first tokens sooner where pairs of prompts take 0.7 of the time', () => {
    const [inTurn, even] = [1, 2].map((abreast) => drive(createPolicy(name), arrivals, machine(2, abreast)));
    expect(meanFirstMs(even!)).toBeLessThan(ratio * meanFirstMs(inTurn!));
    expect(even!.endMs - nowMs).toBeLessThan(0.93 * (inTurn!.endMs - nowMs));
  });
});

/** @param chunksAbreast that policies know of. */
function machine(abreast: number, chunksAbreast = abreast) {
  const limits: StepLimits = {
    tokenBudget: 128,
    stepTokensMax: 544,
    chunksMax: 2,
    chunksAbreast,
    chunkBlockTokens: 32,
    copyTokensMax: 200,
  };
  return { slots: 16, blocks: 2_000, limits, cost: sharingMachine(abreast) };
}

function meanFirstMs({ finished }: Outcome): number {
  return finished.reduce((sum, one) => sum + one.firstTokenMs! - one.arrivalMs, 0) / finished.length;
}

describe('levelled', () => {
  const level = (...pairs: readonly (readonly [left: number, tokens: number])[]): number[] => {
    const slices = pairs.map(([left, tokens]) => [view({ promptTokens: left }), tokens] as const);
    return [...levelled(new Map(slices)).values()];
  };

  it('leaves a slice no longer than its share of the steps that the prompt takes anyway', () => {
    expect(level([256, 160])).toEqual([128]);
    expect(level([256, 128])).toEqual([128]);
    expect(level([900, 250])).toEqual([225]);
    expect(level([100, 100])).toEqual([100]);
  });

  it('shortens slices that end together by the same share, which no prompt pays with another step', () => {
    expect(level([256, 160], [256, 150])).toEqual([137, 128]);
    expect(level([100, 100], [900, 250])).toEqual([100, 250]);
  });

  it('keeps to the least length of a slice', () => {
    expect(level([17, 16])).toEqual([16]);
  });
});
