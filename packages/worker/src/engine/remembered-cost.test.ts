import { describe, expect, it } from 'vitest';
import { CostModel, noWork, type StepWork, withChunk, withDecode } from './cost-model.js';
import { isRememberedCost, type RememberedCost } from './remembered-cost.js';
import { MachineRun, machines } from './test-support/machine-run.js';

type Machine = (work: StepWork) => number;

/** What a model knows that has seen so many steps of a machine, as it comes back from a file. */
function learntFrom(machine: Machine, steps: number): RememberedCost {
  const run = new MachineRun(machine);
  run.steps(steps);
  return JSON.parse(JSON.stringify(run.model.remembered));
}

/** Steps after which predictions of other steps are within 10 %, and stay so up to the 300th. */
function stepsUntilRight(machine: Machine, remembered?: RememberedCost): number {
  const run = new MachineRun(machine, 1, remembered);
  let right = run.errorOnFreshWork() < 0.1 ? 0 : Number.POSITIVE_INFINITY;
  for (let step = 1; step <= 300; step++) {
    run.steps(1);
    if (run.errorOnFreshWork() >= 0.1) right = Number.POSITIVE_INFINITY;
    else right = Math.min(right, step);
  }
  return right;
}

const prompts: Machine = (work) => 6 + 1.6 * work.decodes + 0.9 * work.prefillTokens;

describe('CostModel.remembered', () => {
  it.each(machines)('makes a model that predicts %s as the one that learnt it did', (_, machine) => {
    const run = new MachineRun(machine);
    run.slowness = 3;
    run.steps(250);
    const restored = new CostModel(1, run.model.remembered);
    for (let i = 0; i < 100; i++) {
      const work = run.draw();
      expect(restored.predictMs(work) / run.model.predictMs(work)).toBeCloseTo(1, 9);
    }
  });

  it.each([
    [...machines[0]!, 3],
    [...machines[1]!, 20],
    // Nearest to what is guessed, whose steps are mostly base as well.
    [...machines[2]!, 8],
  ] as const)('is right on %s from the first step', (_, machine, steps) => {
    expect(stepsUntilRight(machine, learntFrom(machine, 300))).toBe(0);
    expect(stepsUntilRight(machine)).toBeGreaterThanOrEqual(steps);
  });

  it.each(machines)(
    'is right within 15 steps on a machine half or twice as fast as %s, and 40 where it had seen few',
    (_, machine) => {
      for (const steps of [60, 300, 2_000]) {
        const remembered = learntFrom(machine, steps);
        for (const slowness of [2, 0.5]) {
          expect(stepsUntilRight((work) => slowness * machine(work), remembered)).toBeLessThanOrEqual(
            steps < 100 ? 40 : 15,
          );
        }
      }
    },
  );

  it('gives way within some thirty steps where prompts alone take twice as long now', () => {
    const dear: Machine = (work) => prompts(work) + 0.9 * work.prefillTokens;
    expect(stepsUntilRight(dear, learntFrom(prompts, 2_000))).toBeLessThanOrEqual(30);
  });

  it('is not led far astray by first passes that take five times as long, as cold ones do', () => {
    const run = new MachineRun(prompts, 1, learntFrom(prompts, 300));
    run.slowness = 5;
    run.steps(3);
    run.slowness = 1;
    run.steps(10);
    expect(run.errorOnFreshWork()).toBeLessThan(0.15);
  });

  it('knows no more of prompts than before where only decodes were seen', () => {
    const run = new MachineRun(prompts);
    for (let i = 0; i < 300; i++) run.model.observe(withDecode(noWork, i), prompts(withDecode(noWork, i)));
    const next = new MachineRun(prompts, 1, run.model.remembered);
    for (let i = 0; i < 5; i++) next.model.observe(withChunk(noWork, 0, 64 + i), prompts(withChunk(noWork, 0, 64 + i)));
    const work = withChunk(noWork, 0, 80);
    expect(Math.abs(next.model.predictMs(work) / prompts(work) - 1)).toBeLessThan(0.1);
  });

  it('takes over a narrow margin, and a wide one only as far as a guess goes', () => {
    const narrow = new CostModel(1, { ...learntFrom(prompts, 300), marginRatio: 1.07 });
    const wide = new CostModel(1, { ...learntFrom(prompts, 300), marginRatio: 1.55 });
    expect(narrow.marginRatio).toBe(1.07);
    expect(wide.marginRatio).toBe(new CostModel().marginRatio);
  });
});

describe('isRememberedCost', () => {
  const good = learntFrom(prompts, 50);

  it('takes what a model gives', () => expect(isRememberedCost(good)).toBe(true));

  it.each([
    ['nothing', null],
    ['a list', []],
    ['a number', 7],
    ['without its certainties', { ...good, certainties: undefined }],
    ['with a coefficient too few', { ...good, coefficients: good.coefficients.slice(1) }],
    ['with one below zero', { ...good, coefficients: good.coefficients.map((one) => -one) }],
    ['with an infinite one', { ...good, certainties: good.certainties.map(() => JSON.parse('1e999')) }],
    ['with text for a number', { ...good, coefficients: good.coefficients.map(String) }],
    ['with a list for the spread', { ...good, spread: [] }],
    ['with a margin that is none', { ...good, marginRatio: null }],
  ])('refuses what is %s', (_, value) => expect(isRememberedCost(value)).toBe(false));

  it('lets nothing through that predictions could not be made of', () => {
    for (const [coefficient, certainty] of [
      [0, 0],
      [1e6, 1e12],
      [0, 1e12],
      [1e6, 0],
    ]) {
      const odd = {
        coefficients: good.coefficients.map(() => coefficient!),
        certainties: good.certainties.map(() => certainty!),
        spread: { chunks: 0, decodes: 10 },
        marginRatio: 0,
      };
      expect(isRememberedCost(odd)).toBe(true);
      const run = new MachineRun(prompts, 2, odd);
      for (let step = 0; step < 100; step++) {
        run.steps(1);
        expect(run.model.predictMs(run.draw())).toBeGreaterThanOrEqual(0);
        expect(run.model.predictMs(run.draw())).toBeLessThan(Number.POSITIVE_INFINITY);
      }
      expect(run.model.marginRatio).toBeGreaterThan(1);
    }
  });
});
