import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { CostModel, noWork, type StepWork, withChunk, withDecode, workOf } from './cost-model.js';
import { MachineRun, machines } from './test-support/machine-run.js';

describe('workOf', () => {
  it('counts rows that stand idle beside drafts where decodes go through lanes, and no others', () => {
    const decode = { position: 10, want: undefined, wantTokens: 0 };
    const decodes = [
      { ...decode, slot: 0, tokenIds: [1, 2, 3] },
      { ...decode, slot: 1, tokenIds: [4] },
    ];
    const plan = { decodes, chunks: [], resting: [] };
    const decodeContext = 11 + 12 + 13 + 11;
    expect(workOf(plan, { decodesSpanSlots: false })).toEqual({ ...noWork, decodes: 4, decodeContext });
    const work = workOf(plan, {});
    expect(work).toEqual({ ...noWork, decodes: expect.closeTo(4.12), decodeContext });
  });
});

describe('CostModel', () => {
  it.each(machines)('predicts %s within 10 % after 200 noisy steps', (_, machine) => {
    const run = new MachineRun(machine);
    run.steps(200);
    run.steps(100);
    expect(run.model.errorRatio).toBeLessThan(0.1);
    expect(run.errorOnFreshWork()).toBeLessThan(0.1);
  });

  it.each(machines)('is not led astray on %s by steps that were disturbed', (_, machine) => {
    const run = new MachineRun(machine);
    run.outlierRatio = 0.08;
    run.steps(300);
    expect(run.errorOnFreshWork()).toBeLessThan(0.1);
  });

  it.each(machines)('follows %s to half and to twice its speed within 30 steps', (_, machine) => {
    const run = new MachineRun(machine);
    run.steps(300);
    for (const slowness of [2, 1, 0.5]) {
      run.slowness = slowness;
      run.steps(30);
      expect(run.errorOnFreshWork()).toBeLessThan(0.15);
    }
  });

  it('does not forget what prompts cost while only decodes run, even when the machine slows down meanwhile', () => {
    const run = new MachineRun(machines[0]![1]);
    run.steps(200);
    run.promptRatio = 0;
    run.slowness = 2;
    run.steps(100_000);
    run.promptRatio = 1;
    expect(run.errorOnFreshWork()).toBeLessThan(0.15);
  });

  it('does not let one odd prompt after many decodes overturn what it knew of prompts', () => {
    const machine = machines[0]![1];
    const run = new MachineRun(machine);
    run.steps(200);
    run.promptRatio = 0;
    run.steps(1_000);
    const odd = withChunk(noWork, 0, 64);
    for (let i = 0; i < 2; i++) run.model.observe(odd, 1.4 * machine(odd));
    run.promptRatio = 1;
    expect(run.errorOnFreshWork()).toBeLessThan(0.08);
  });

  it.each([
    ['steady', 0.01],
    ['noisy', 0.3],
  ])('knows what all but a few mixed passes stay under on a %s machine', (_, noiseRatio) => {
    const run = new MachineRun(machines[0]![1]);
    run.noiseRatio = noiseRatio;
    run.steps(4_000);
    expect(run.model.marginRatio).toBeGreaterThan(1.05 + 0.6 * noiseRatio - 0.02);
    expect(run.model.marginRatio).toBeLessThan(1.05 + 1.4 * noiseRatio + 0.02);
  });

  it('never predicts less for more work', () => {
    const run = new MachineRun(machines[2]![1]);
    run.noiseRatio = 0.3;
    run.steps(200);
    for (let i = 0; i < 100; i++) {
      const work = run.draw();
      const ms = run.model.predictMs(work);
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(run.model.predictMs(withDecode(work, 50))).toBeGreaterThanOrEqual(ms);
      expect(run.model.predictMs(withChunk(work, 50, 16))).toBeGreaterThanOrEqual(ms);
    }
  });

  it.each([
    ['save a third', 0.66],
    ['save a sixth', 0.84],
    ['save nothing', 1],
  ])('learns what a pass takes where chunks side by side %s, and what one takes with a lone chunk', (_, ratio) => {
    const run = new MachineRun(abreastMachine(ratio), 2);
    run.lengthRatio = 0.3;
    run.steps(300);
    for (const [rows, tokens] of [
      [0, [128]],
      [0, [64, 64]],
      [16, [96]],
      [16, [48, 48]],
      [16, [90, 12]],
    ] as const) {
      const work = tokens.reduce((sum, count) => withChunk(sum, 0, count), rowsAt(rows, 300));
      const truthMs = abreastMachine(ratio)(work);
      expect(Math.abs(run.model.predictMs(work) - truthMs) / truthMs, `${rows} rows, ${tokens}`).toBeLessThan(0.08);
    }
  });

  it('learns it of four executors as of two', () => {
    const machine = abreastMachine(0.55, 4);
    const run = new MachineRun(machine, 4);
    run.lengthRatio = 0.1;
    run.chunksMax = 4;
    run.steps(300);
    for (const tokens of [[128], [64, 64], [32, 32, 32, 32]]) {
      const work = tokens.reduce((sum, count) => withChunk(sum, 0, count), rowsAt(8, 300));
      expect(Math.abs(run.model.predictMs(work) / machine(work) - 1), `${tokens}`).toBeLessThan(0.1);
    }
  });

  it('hopes for much of chunks side by side before it has seen any, and again some time after it has', () => {
    const [alone, pair] = [[128], [64, 64]].map((slices) =>
      slices.reduce((work, tokens) => withChunk(work, 0, tokens), noWork),
    );
    const run = new MachineRun(machines[0]![1], 2);
    const ratio = (): number => run.model.predictMs(pair!) / run.model.predictMs(alone!);
    run.chunksMax = 1;
    run.steps(300);
    expect(ratio()).toBeLessThan(0.8);
    for (let i = 0; i < 3; i++) run.model.observe(pair!, machines[0]![1](pair!));
    expect(ratio()).toBeGreaterThan(0.9);
    run.steps(100);
    expect(ratio()).toBeGreaterThan(0.8);
    run.steps(900);
    expect(ratio()).toBeLessThan(0.8);
  });

  it('hopes for nothing where a model computes one chunk after the other', () => {
    const run = new MachineRun(machines[0]![1]);
    run.chunksMax = 1;
    run.steps(100);
    const alone = withChunk(noWork, 0, 128);
    const pair = withChunk(withChunk(noWork, 0, 64), 0, 64);
    expect(run.model.predictMs(pair) / run.model.predictMs(alone)).toBeGreaterThan(0.95);
  });

  it.each(machines)(
    'is never far off on %s when a few prompts come, then only their answers, and prompts again',
    (_, machine) => {
      for (const together of [1, 2, 4]) {
        const model = new CostModel(2);
        const rng = seededRng(together);
        let worst = 1;
        for (const [step, work] of bursts(together).entries()) {
          const ms = machine(work) * (0.97 + 0.06 * rng.next());
          const ratio = model.predictMs(work) / ms;
          // The first answers are the first rows that it sees.
          if (step >= 24) worst = Math.max(worst, ratio, 1 / ratio);
          model.observe(work, ms);
        }

        expect(worst, `${together} at once`).toBeLessThan(2);
      }
    },
  );

  it('learns what prompts take from a few, also where they come seldom and nearly all steps are decodes', () => {
    const machine = (work: StepWork): number => 6 + 0.2 * work.decodes + 0.06 * work.prefillTokens;
    const model = new CostModel();
    const prompt = withChunk(noWork, 0, 256);
    for (let request = 0; request < 5; request++) {
      model.observe(prompt, machine(prompt));
      for (let token = 0; token < 64; token++) model.observe(rowsAt(2, 256 + token), machine(rowsAt(2, 256 + token)));
    }
    expect(Math.abs(model.predictMs(prompt) / machine(prompt) - 1)).toBeLessThan(0.25);
  });

  it('keeps its head when passes take no time at all', () => {
    const model = new CostModel();
    for (let i = 0; i < 500; i++) model.observe(withDecode(noWork, i), 0);
    expect(model.predictMs(withDecode(noWork, 7))).toBeLessThan(0.1);
    for (let i = 0; i < 100; i++) model.observe(withDecode(noWork, i), 20);
    expect(model.predictMs(withDecode(noWork, 7))).toBeGreaterThan(15);
  });
});

/** Executors with a share of the threads each, which may save some of the time, or one with all of them. */
function abreastMachine(ratio: number, abreast = 2): (work: StepWork) => number {
  const wide = machines[0]![1];
  return (work) => {
    if (work.chunks < 2) return wide(work);
    const heaviestShare = work.heaviestChunk / (work.prefillTokens + work.prefillPairs / 1_000);
    const promptsMs = wide(work) - wide({ ...work, prefillTokens: 0, prefillPairs: 0, chunks: 0 });
    return wide(work) - Math.max(0, 1 - abreast * ratio * heaviestShare) * promptsMs;
  };
}

/** Requests of 256 and 64 tokens, so many at once, in steps of 128 tokens, four times. */
function bursts(together: number): StepWork[] {
  const works: StepWork[] = [];
  for (let burst = 0; burst < 4; burst++) {
    let left = 256 * together;
    for (let rows = 0; left > 0; rows = Math.floor(together - left / 256)) {
      const tokens = Math.min(left, 128 - rows);
      works.push(withChunk(rowsAt(rows, 256), 256 - (left % 256 || 256), tokens));
      left -= tokens;
    }
    for (let token = 0; token < 64; token++) works.push(rowsAt(together, 256 + token));
  }
  return works;
}

function rowsAt(count: number, context: number): StepWork {
  return Array.from({ length: count }).reduce<StepWork>((work) => withDecode(work, context), noWork);
}
