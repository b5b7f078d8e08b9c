import { assert, BrokenAssertion, createLog } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../service/test-support/manual-clock.js';
import { CostModel, noWork, type StepWork, withChunk, withDecode, workOf } from './cost-model.js';
import type { ModelLimits } from './model-port.js';
import { HungPass } from './pass-runner.js';
import { probePasses } from './probe-passes.js';
import { areRememberedCosts } from './remembered-cost.js';
import { type StepOutput, type StepPlan, wantBest } from './step-plan.js';
import { HashModel } from './test-support/hash-model.js';
import { request, startWith } from './test-support/outcomes.js';

const log = createLog('test', {});
log.level = 'silent';

const roomy = { slotsMax: 64, contextTokens: 2_048, stepTokensMax: 512, wantedRowsMax: 512, chunkBlockTokens: 32 };

/** Milliseconds: a base, and for a row, a thousand tokens of its context, a token of a chunk and a thousand pairs. */
function machine(base: number, row: number, context: number, token: number, pairs: number): (work: StepWork) => number {
  return ({ decodes, decodeContext, prefillTokens, prefillPairs }) =>
    base + row * decodes + (context * decodeContext + pairs * prefillPairs) / 1_000 + token * prefillTokens;
}

/** The default model on two cores, as it was measured. */
const tiles = machine(6.4, 0.25, 0.65, 0.107, 0.25);

/** Takes the time of a machine, and more for the first pass with chunks and without. */
class TimedModel extends HashModel {
  readonly plans: StepPlan[] = [];
  longestMs = 0;
  readonly #clock: ManualClock;
  readonly #machine: (work: StepWork) => number;

  constructor(clock: ManualClock, machine: (work: StepWork) => number, limits: Partial<ModelLimits> = roomy) {
    super(limits);
    this.#clock = clock;
    this.#machine = machine;
  }

  override forward(plan: StepPlan): Promise<StepOutput> {
    const isFirst = !this.plans.some((one) => (one.chunks.length === 0) === (plan.chunks.length === 0));
    this.plans.push(plan);
    const ms = this.#machine(workOf(plan, this.limits)) * (isFirst ? 2.5 : 1);
    this.longestMs = Math.max(this.longestMs, ms);
    this.#clock.advance(ms);
    return super.forward(plan);
  }
}

async function probe(machine: (work: StepWork) => number, limits: Partial<ModelLimits> = roomy) {
  const clock = new ManualClock();
  const model = new TimedModel(clock, machine, limits);
  const { cost, passes } = await probePasses(model, clock, log);
  expect(passes).toBe(model.plans.length);
  expect(clock.timerCount).toBe(0);
  return { model, cost, passes, tookMs: clock.nowMs() };
}

function rowsAt(context: number, count: number): StepWork {
  return Array.from({ length: count }).reduce<StepWork>((work) => withDecode(work, context), noWork);
}

describe('probePasses', () => {
  it.each([
    ['own kernels in tiles', tiles],
    ['own kernels without tiles', machine(5, 0.35, 0.7, 0.31, 0.4)],
    ["the runtime's kernels", machine(6, 1, 2.6, 0.87, 0.8)],
    ['a tiny model', machine(0.6, 0.02, 0.05, 0.006, 0.01)],
    ['a model five times as large', machine(50, 2, 4, 0.6, 0.9)],
  ])('learns what passes of a crowd take with %s', async (_, machine) => {
    const { cost } = await probe(machine);
    const model = new CostModel(1, cost?.whole);
    for (const work of [
      rowsAt(300, 1),
      rowsAt(300, 16),
      rowsAt(300, 64),
      withChunk(noWork, 0, 256),
      withChunk(rowsAt(300, 16), 0, 100),
      withChunk(rowsAt(300, 64), 200, 100),
    ]) {
      expect(Math.abs(model.predictMs(work) / machine(work) - 1), JSON.stringify(work)).toBeLessThan(0.15);
    }
  });

  it('has an engine know what its first steps take', async () => {
    const clock = new ManualClock();
    const model = new TimedModel(clock, tiles);
    const { cost } = await probePasses(model, clock, log);
    const ratios: number[] = [];
    const { engine, outcomes } = startWith(
      { tokenBudget: 128, kvTokensMax: 4_096, waitingMax: 10 },
      {
        model,
        clock,
        ...(cost === undefined ? {} : { rememberedCost: cost }),
        onStep: ({ predictedMs, passMs }) => ratios.push(predictedMs / passMs),
      },
    );
    for (let id = 0; id < 8; id++) {
      engine.submit(request({ id: `${id}`, promptIds: new Array<number>(150).fill(3 + id), tokensMax: 10 }));
    }
    await outcomes.allEnded();
    expect(ratios.length).toBeGreaterThan(10);
    for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(0.1);
    await engine.close();
  });

  it('takes some tenths of a second of a small model', async () => {
    expect((await probe(tiles)).tookMs).toBeLessThan(300);
  });

  it.each([
    ['large', machine(60, 5, 5, 9, 2)],
    ['larger', machine(200, 15, 10, 30, 5)],
  ])('takes a second of a %s model, and one pass longer', async (_, machine) => {
    const { model, cost, tookMs } = await probe(machine);
    expect(tookMs).toBeLessThan(1_000 + model.longestMs);
    const learnt = new CostModel(1, cost?.whole);
    expect(learnt.predictMs(rowsAt(0, 1)) / machine(rowsAt(0, 1))).toBeCloseTo(1, 1);
  });

  it('runs one pass where that takes more than a second', async () => {
    const { cost, passes } = await probe(machine(3_000, 30, 20, 60, 10));
    expect(passes).toBe(1);
    expect(new CostModel(1, cost?.whole).predictMs(rowsAt(0, 1))).toBeGreaterThan(3_000);
  });

  it('keeps its head where passes take no time at all', async () => {
    const { cost } = await probe(() => 0);
    expect(areRememberedCosts(cost)).toBe(true);
    expect(new CostModel(1, cost?.whole).predictMs(rowsAt(300, 64))).toBeLessThan(1);
  });

  it('leaves nothing behind in any slot', async () => {
    const { model } = await probe(tiles);
    for (let slot = 0; slot < model.limits.slotsMax; slot++) {
      const row = { slot, tokenIds: [1], position: 1, want: wantBest, wantTokens: 1 };
      await expect(model.forward({ decodes: [row], chunks: [], resting: [] })).rejects.toThrow('garbage');
    }
  });

  it.each([
    { slotsMax: 1, contextTokens: 2, stepTokensMax: 17, wantedRowsMax: 17 },
    { slotsMax: 2, contextTokens: 11, stepTokensMax: 18, wantedRowsMax: 18, chunkBlockTokens: 4 },
    { slotsMax: 3, contextTokens: 64, stepTokensMax: 19, wantedRowsMax: 19, chunkBlockTokens: 4 },
    { slotsMax: 16, contextTokens: 326, stepTokensMax: 32, wantedRowsMax: 32, vocabularyCount: 2 },
    { slotsMax: 17, contextTokens: 4_096, stepTokensMax: 96, wantedRowsMax: 96, decodesSpanSlots: false },
  ])('finds its room in a model of $slotsMax slots of $contextTokens tokens', async (limits) => {
    const { cost, passes } = await probe(tiles, limits);
    expect(passes).toBeGreaterThanOrEqual(4);
    const rows = rowsAt(0, limits.slotsMax);
    expect(Math.abs(new CostModel(1, cost?.whole).predictMs(rows) / tiles(rows) - 1)).toBeLessThan(0.1);
  });

  it('begins with what it has learnt where a pass fails, and with nothing where the first does', async () => {
    for (const failing of [3, 0]) {
      const clock = new ManualClock();
      const model = new TimedModel(clock, tiles);
      model.failing.add(failing);
      const { cost, passes } = await probePasses(model, clock, log);
      expect(passes).toBe(failing + 1);
      if (failing === 0) expect(cost).toBeUndefined();
      else expect(new CostModel(1, cost?.whole).predictMs(rowsAt(0, 1))).toBeCloseTo(6.65, 1);
    }
  });

  it('ends where an assertion of the model is broken', async () => {
    const model = new HashModel(roomy);
    model.onPass = (pass) => assert(pass < 2, 'a rule of the model');
    await expect(probePasses(model, new ManualClock(), log)).rejects.toThrow(BrokenAssertion);
  });

  it('ends where a pass hangs', async () => {
    const clock = new ManualClock();
    const model = new HashModel(roomy);
    model.forward = () => new Promise(() => {});
    const ended = expect(probePasses(model, clock, log)).rejects.toThrow(HungPass);
    clock.advance(3_600_000);
    await ended;
  });
});
