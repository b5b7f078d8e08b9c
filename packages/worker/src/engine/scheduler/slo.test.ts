import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { noWork, type StepCost, withChunk, withDecode } from '../cost-model.js';
import { ServiceLevel } from './slo.js';
import { decoding, nowMs, queueOf, smallMachine, view } from './test-support/queues.js';
import { type Arrival, drive, type Grown, type Machine } from './test-support/small-engine.js';

const machine: Machine = {
  slots: 32,
  blocks: 2_000,
  limits: {
    tokenBudget: 128,
    stepTokensMax: 544,
    chunksMax: 2,
    chunksAbreast: 1,
    chunkBlockTokens: 32,
    copyTokensMax: 200,
  },
};

/** Of a prompt that must have all the time that there is. */
const pressing = { ttftMs: 1_000, tbtMs: 200 };

describe('ServiceLevel', () => {
  it('prefills a lone prompt in as few passes as the model allows where a pass is short', () => {
    const fast: StepCost = { ...smallMachine, predictMs: (work) => smallMachine.predictMs(work) / 10 };
    const limits = { ...machine.limits, stepTokensMax: 2_000 };
    const { chunks } = new ServiceLevel().decide(
      queueOf({ waiting: [view({ promptTokens: 900 })], cost: fast, limits }),
    );
    expect(chunks[0]!.tokens).toBe(900);
  });

  it('plans no step longer than 400 ms where it has a choice, so that newcomers do not wait long', () => {
    const { chunks } = new ServiceLevel().decide(queueOf({ waiting: [view({ promptTokens: 900 })] }));
    expect(chunks[0]!.tokens).toBeGreaterThan(250);
    expect(chunks[0]!.tokens).toBeLessThan(335);
  });

  it('plans shorter steps where the cost model says that it errs', () => {
    const slice = (marginRatio: number): number => {
      const cost: StepCost = { ...smallMachine, marginRatio };
      const running = [decoding(10, 3), view({ promptTokens: 900, objectives: pressing })];
      return seasoned().decide(queueOf({ running, cost })).chunks[0]!.tokens;
    };
    expect(slice(1.05)).toBeGreaterThan(slice(1.5));
  });

  it('paces streams by what steps take, however the cost model errs, where prompts have time to spare', () => {
    const slice = (marginRatio: number): number => {
      const running = [decoding(10, 3), decoding(10, 3), view({ promptTokens: 300 })];
      return seasoned().decide(queueOf({ running, cost: { ...smallMachine, marginRatio } })).chunks[0]!.tokens;
    };
    expect(slice(1.05)).toBe(slice(1.5));
  });

  it('goes at most half as far again beside streams as it has been', () => {
    const policy = new ServiceLevel();
    const objectives = { ttftMs: 1_000, tbtMs: 60_000 };
    const slices: number[] = [];
    for (let step = 0; step < 4; step++) {
      const running = [decoding(10, 3, { objectives }), view({ promptTokens: 900, objectives })];
      const decision = policy.decide(queueOf({ running }));
      policy.observe({ decision, endMs: nowMs, passMs: 1, ended: [] });
      slices.push(decision.chunks[0]!.tokens);
    }
    // Of 900 tokens, 96 would be a tenth with a little left over.
    expect(slices).toEqual([90, 128, 180, 224]);
  });

  it('has been wherever a step with prompts was, beside streams or not, and forgets none while there are no prompts', () => {
    const policy = new ServiceLevel();
    const objectives = { ttftMs: 1_000, tbtMs: 60_000 };
    const stream = decoding(10, 3, { objectives });
    const seen = { endMs: nowMs, passMs: 1, ended: [] };
    const chunk = { sequence: view({ promptTokens: 900 }), tokens: 200 };
    policy.observe({ decision: { decodes: [], chunks: [chunk], preempted: [] }, ...seen });
    for (let step = 0; step < 1_000; step++) {
      policy.observe({ decision: { decodes: [stream], chunks: [], preempted: [] }, ...seen });
    }
    const { chunks } = policy.decide(queueOf({ running: [stream, view({ promptTokens: 900, objectives })] }));
    expect(chunks[0]!.tokens).toBeGreaterThan(200);
    expect(chunks[0]!.tokens).toBeLessThanOrEqual(300);
  });

  it('cuts a prompt into slices of about the same length, in no more steps than the longest would take', () => {
    const running = [decoding(10, 3), view({ promptTokens: 900 })];
    const longest = 200;
    const cost: StepCost = { ...smallMachine, predictMs: (work) => (work.prefillTokens > longest ? 1_000 : 1) };
    const lengths: number[] = [];
    for (let computed = 0; computed < 900; computed += lengths.at(-1)!) {
      const prompt = view({ promptTokens: 900, computed });
      lengths.push(seasoned().decide(queueOf({ running: [running[0]!, prompt], cost })).chunks[0]!.tokens);
    }
    expect(lengths).toEqual([180, 180, 180, 180, 180]);
  });

  it('moves a prompt on however slow the machine is', () => {
    const crawling: StepCost = { ...smallMachine, predictMs: (work) => 1_000 * smallMachine.predictMs(work) };
    const { chunks } = new ServiceLevel().decide(
      queueOf({ running: [view({ promptTokens: 900 }), view({ promptTokens: 900, computed: 800 })], cost: crawling }),
    );
    expect(chunks[0]!.tokens).toBe(16);
  });

  it('keeps every gap inside the objective while long prompts come among streams', () => {
    const streams = Array.from(
      { length: 16 },
      (_, index): Arrival => ({ atMs: index, promptTokens: 20, outputTokens: 80 }),
    );
    const long = { promptTokens: 2_000, outputTokens: 4 };
    const { finished } = drive(
      new ServiceLevel(),
      [...streams, { atMs: 1_500, ...long }, { atMs: 1_900, ...long }],
      machine,
    );
    expect(Math.max(...finished.flatMap((one) => one.gapsMs))).toBeLessThanOrEqual(200);
  });

  it('keeps strict and relaxed streams apart: the step follows the most pressing', () => {
    const prompt = view({ promptTokens: 900, computed: 100, objectives: pressing });
    const relaxed = decoding(10, 3, { objectives: { ttftMs: 1_000, tbtMs: 400 } });
    const strict = decoding(10, 3, { objectives: { ttftMs: 1_000, tbtMs: 60 } });
    const slice = (streams: readonly (typeof relaxed)[]): number =>
      seasoned().decide(queueOf({ running: [...streams, prompt] })).chunks[0]!.tokens;
    expect(slice([relaxed])).toBeGreaterThan(250);
    expect(slice([relaxed, strict])).toBeLessThan(50);
  });

  it('cuts prompts finer beside streams the fewer of them wait, unless they have no time to spare', () => {
    const slice = (waiting: number, ttftMs = 60_000): number => {
      const prompts = Array.from({ length: waiting + 1 }, () =>
        view({ promptTokens: 300, objectives: { ttftMs, tbtMs: 200 } }),
      );
      const queue = { running: [decoding(10, 3), prompts[0]!], waiting: prompts.slice(1) };
      return seasoned().decide(queueOf(queue)).chunks[0]!.tokens;
    };
    const [one, crowd, hurried] = [slice(0), slice(12), slice(0, 800)] as const;
    expect(one).toBeLessThan(0.8 * crowd);
    expect(hurried).toBeGreaterThan(1.2 * one);
    // A fifth of the time is what they may need.
    const takesMs = smallMachine.predictMs(withChunk(noWork, 0, 300));
    expect(slice(0, 5.2 * takesMs)).toBe(one);
    expect(slice(0, 4.8 * takesMs)).toBe(hurried);
  });

  it('leaves streams a third of their pace, or steps of half of their time, unless a prompt needs more', () => {
    const stepMs = (streams: number, ttftMs: number): number => {
      const decodes = Array.from({ length: streams }, () => decoding(10, 3));
      const prompt = view({ promptTokens: 900, objectives: { ttftMs, tbtMs: 200 } });
      const { chunks } = seasoned().decide(queueOf({ running: [...decodes, prompt] }));
      const work = decodes.reduce((sum, { computed }) => withDecode(sum, computed), noWork);
      return smallMachine.predictMs(withChunk(work, 0, chunks[0]!.tokens)) / smallMachine.predictMs(work);
    };
    const aloneMs = smallMachine.predictMs(withDecode(noWork, 13));
    expect(stepMs(1, 5_000)).toBeLessThan(100 / aloneMs);
    expect(stepMs(1, 1_000)).toBeGreaterThan(140 / aloneMs);
    expect(stepMs(30, 5_000)).toBeGreaterThan(1.5);
    expect(stepMs(30, 5_000)).toBeLessThan(3);
  });

  it('takes the time that has gone since the last token off the step', () => {
    const prompt = view({ promptTokens: 900, objectives: pressing });
    const slice = (sinceMs: number): number => {
      const stream = decoding(10, 3, { lastTokenMs: nowMs - sinceMs });
      return seasoned().decide(queueOf({ running: [stream, prompt] })).chunks[0]!.tokens;
    };
    expect(slice(0)).toBeGreaterThan(slice(50));
    expect(slice(50)).toBeGreaterThan(slice(100));
  });

  it('stops prompts rather than several streams', () => {
    const streams = Array.from({ length: 8 }, () => decoding(10, 3, { objectives: { ttftMs: 1_000, tbtMs: 30 } }));
    const { decodes, chunks } = new ServiceLevel().decide(
      queueOf({ running: [...streams, view({ promptTokens: 100 })] }),
    );
    expect(decodes).toHaveLength(8);
    expect(chunks).toEqual([]);
  });

  it('lets one stream go rather than several prompts, and holds it to a multiple', () => {
    const hopeless = decoding(10, 3, { objectives: { ttftMs: 1_000, tbtMs: 2 } });
    const waiting = [view({ promptTokens: 300 }), view({ promptTokens: 300 })];
    const { chunks } = new ServiceLevel().decide(queueOf({ running: [hopeless], waiting }));
    expect(chunks[0]!.tokens).toBeGreaterThanOrEqual(16);
    expect(chunks[0]!.tokens).toBeLessThan(64);
  });

  it('lets nobody in who would cost more streams their pace than prompts wait', () => {
    const running = Array.from({ length: 8 }, () => decoding(10, 3, { objectives: { ttftMs: 1_000, tbtMs: 46 } }));
    const prompt = view({ promptTokens: 20, blocks: 0 });
    const relaxed = { ttftMs: 9_000, tbtMs: 900 };
    const policy = new ServiceLevel();
    expect(policy.decide(queueOf({ running, waiting: [prompt] })).chunks).toEqual([]);
    expect(policy.decide(queueOf({ running: running.slice(2), waiting: [prompt] })).chunks).toHaveLength(1);
    const others = running.map((one) => ({ ...one, objectives: relaxed }));
    expect(policy.decide(queueOf({ running: others, waiting: [prompt] })).chunks).toHaveLength(1);
  });

  it('relegates whoever missed or must miss its first token, and nobody else', () => {
    const missed = view({ promptTokens: 50, arrivalMs: nowMs - 5_001 });
    const mustMiss = view({ promptTokens: 200, arrivalMs: nowMs - 4_900 });
    const justInTime = view({ promptTokens: 50, arrivalMs: nowMs - 4_800 });
    const fresh = view({ promptTokens: 50 });
    const waiting = [missed, mustMiss, fresh, justInTime];
    const { chunks } = new ServiceLevel().decide(queueOf({ waiting }));
    expect(chunks.map(({ sequence }) => sequence)).toEqual([justInTime, fresh]);
    const rest = new ServiceLevel().decide(queueOf({ waiting: [missed, mustMiss] }));
    expect(rest.chunks.map(({ sequence }) => sequence)).toEqual([missed, mustMiss]);
  });

  it('lets short prompts pass a long one that is due about as soon', () => {
    const long = view({ promptTokens: 1_000, arrivalMs: nowMs - 100 });
    const short = view({ promptTokens: 30 });
    const { chunks } = new ServiceLevel().decide(queueOf({ waiting: [long, short] }));
    expect(chunks[0]!.sequence).toBe(short);
  });

  it('under twice the load it can bear, keeps the objectives of many and brings the others to an end', () => {
    const { finished } = drive(new ServiceLevel(), overload(), machine);
    const kept = finished.filter(keepsObjectives).length;
    expect(finished).toHaveLength(100);
    expect(kept).toBeGreaterThan(50);
    const gaps = finished.flatMap((one) => one.gapsMs.map((gapMs) => gapMs / one.objectives.tbtMs));
    expect(gaps.filter((share) => share > 1).length).toBeLessThan(gaps.length / 100);
  });

  it('gives those who are late every eighth place while others can be in time', () => {
    const policy = new ServiceLevel();
    const late = view({ promptTokens: 50, arrivalMs: nowMs - 60_000 });
    const onePlace = { chunksMax: 1 };
    for (let place = 1; place <= 20; place++) {
      const decision = policy.decide(queueOf({ waiting: [late, view({ promptTokens: 50 })], limits: onePlace }));
      expect(decision.chunks[0]!.sequence === late).toBe(place % 8 === 0);
      policy.observe({ decision, endMs: nowMs, passMs: 1, ended: [] });
    }
  });
});

/** One that has seen long slices. */
function seasoned(): ServiceLevel {
  const policy = new ServiceLevel();
  const chunk = { sequence: view({ promptTokens: 900 }), tokens: 500 };
  const decision = { decodes: [decoding(10, 3)], chunks: [chunk], preempted: [] };
  policy.observe({ decision, endMs: nowMs, passMs: 1, ended: [] });
  return policy;
}

/** 100 requests at about twice what the machine can do; three in twenty are long, half of the streams are strict. */
function overload(): Arrival[] {
  const rng = seededRng(3);
  let atMs = 0;
  return Array.from({ length: 100 }, () => {
    atMs += -Math.log(1 - rng.next()) * 333;
    const promptTokens = rng.next() < 0.15 ? 600 + rng.below(900) : 30 + rng.below(200);
    const objectives = { ttftMs: 3_000, tbtMs: rng.next() < 0.5 ? 100 : 400 };
    return { atMs, promptTokens, outputTokens: 20 + rng.below(80), objectives };
  });
}

function keepsObjectives({ arrivalMs, firstTokenMs, gapsMs, objectives }: Grown): boolean {
  const late = gapsMs.filter((gapMs) => gapMs > objectives.tbtMs).length;
  return firstTokenMs! - arrivalMs <= objectives.ttftMs && late * 100 <= gapsMs.length;
}
