import { describe, expect, it } from 'vitest';
import type { StepCost } from '../cost-model.js';
import type { QueueView, SequenceView, SideBySide } from './policy.js';
import { areLate, costBeside, goApart, mayBegin } from './prompts-apart.js';
import { ServiceLevel } from './slo.js';
import { StepDraft } from './step-draft.js';
import { decoding, nowMs, queueOf, smallMachine, view } from './test-support/queues.js';

/** Streams for which a step is long: 7 ms of which prompts may take as much again twice. */
const pressed = { ttftMs: 1_000, tbtMs: 40 };
const relaxed = { ttftMs: 1_000, tbtMs: 2_000 };
const prompt = view({ promptTokens: 100 });

describe('goApart', () => {
  it('sends prompts apart where streams have little time, and not where they have plenty', () => {
    expect(goes({ running: [stream(pressed), prompt] })).toBe(true);
    expect(goes({ running: [stream(relaxed), prompt] })).toBe(false);
  });

  it('does so only for streams that can keep their pace on the executors that are left', () => {
    const slow: StepCost = { ...smallMachine, predictMs: (work) => 10 * smallMachine.predictMs(work) };
    const beside = sideBySide({ costOn: () => slow });
    const two = [stream(pressed), stream(pressed)];
    expect(goes({ running: [...two, prompt], beside })).toBe(true);
    // So slow that each is let go whatever is done; one that could just be kept is kept.
    const kept = stream({ ttftMs: 1_000, tbtMs: 41 });
    const slower: StepCost = { ...smallMachine, predictMs: (work) => 4 * smallMachine.predictMs(work) };
    expect(goes({ running: [kept, prompt], beside: sideBySide({ costOn: () => slower }) })).toBe(true);
  });

  it('has a lone prompt that would come too late on one executor computed on all', () => {
    const slow: StepCost = { ...smallMachine, predictMs: (work) => 20 * smallMachine.predictMs(work) };
    const costOn = (count: number): StepCost => (count === 1 ? slow : smallMachine);
    const beside = sideBySide({ executors: 4, executorsFree: 4, costOn });
    expect(goes({ running: [stream(pressed)], waiting: [prompt], beside })).toBe(true);
    const hurried = view({ promptTokens: 100, objectives: { ttftMs: 1_000, tbtMs: 200 } });
    expect(goes({ running: [stream(pressed)], waiting: [hurried], beside })).toBe(false);
    expect(goes({ running: [stream(pressed)], waiting: [hurried, hurried], beside })).toBe(true);
  });

  it('goes on so while anything is under way, and never without streams otherwise', () => {
    expect(goes({ running: [prompt] })).toBe(false);
    expect(goes({ running: [prompt], beside: sideBySide({ executorsFree: 1, busy: [stream(relaxed)] }) })).toBe(true);
  });
});

describe('mayBegin', () => {
  it('leaves the streams an executor, and has prompts on half of them at most', () => {
    const draft = draftOf({ running: [stream(pressed), prompt] });
    const begins = (beside: Partial<SideBySide<SequenceView>>): boolean => mayBegin(draft, sideBySide(beside));
    expect(begins({ executors: 2, executorsFree: 2 })).toBe(true);
    expect(begins({ executors: 2, executorsFree: 1 })).toBe(false);
    expect(begins({ executors: 4, executorsFree: 3, promptsUnderWay: 1 })).toBe(true);
    expect(begins({ executors: 4, executorsFree: 2, promptsUnderWay: 2 })).toBe(false);
    expect(begins({ executors: 5, executorsFree: 3, promptsUnderWay: 2 })).toBe(false);
  });

  it('has prompts on all executors where nobody streams, and counts streams that are under way', () => {
    const draft = draftOf({ running: [prompt] });
    const underWay = { executors: 2, executorsFree: 1, promptsUnderWay: 1 };
    expect(mayBegin(draft, sideBySide({ ...underWay, busy: [prompt] }))).toBe(true);
    expect(mayBegin(draft, sideBySide({ ...underWay, busy: [prompt, stream(pressed)] }))).toBe(false);
  });
});

describe('costBeside and areLate', () => {
  it('takes the streams for on all executors but those that prompts may have', () => {
    const asked: number[] = [];
    const costOn = (count: number): StepCost => {
      asked.push(count);
      return smallMachine;
    };
    for (const executors of [2, 3, 4, 5]) costBeside(sideBySide({ executors, costOn }));
    expect(asked).toEqual([1, 2, 2, 3]);
  });

  it('adds up prompts in their order, and asks only those that wait for their first token', () => {
    const due = view({ promptTokens: 100, objectives: { ttftMs: 250, tbtMs: 200 } });
    expect(areLate([due], 1, smallMachine, nowMs)).toBe(false);
    expect(areLate([due], 0.2, smallMachine, nowMs)).toBe(true);
    expect(areLate([prompt, due], 1, smallMachine, nowMs)).toBe(false);
    expect(areLate([prompt, prompt, due], 1, smallMachine, nowMs)).toBe(true);
    expect(areLate([{ ...due, arrivalMs: nowMs - 60_000, lastTokenMs: nowMs }], 1, smallMachine, nowMs)).toBe(false);
  });
});

describe('ServiceLevel beside streams', () => {
  it('begins a prompt on one executor, then the streams on the others', () => {
    const running = [stream(pressed), prompt];
    const first = decide({ running });
    expect(first).toMatchObject({ decodes: [], chunks: [{ sequence: prompt }], executors: 1 });
    const beside = sideBySide({ executorsFree: 1, promptsUnderWay: 1, busy: [prompt] });
    const others = [view({ promptTokens: 100, blocks: 0 })];
    const second = decide({ running: [running[0]!], waiting: others, beside });
    expect(second).toMatchObject({ decodes: [running[0]], chunks: [] });
    expect(second.executors).toBeUndefined();
  });

  it('holds everybody back who comes behind a prompt that waits for the step of the streams', () => {
    const streams = [stream(pressed)];
    const held = view({ promptTokens: 100, computed: 50, arrivalMs: nowMs - 500 });
    const later = view({ promptTokens: 100 });
    const beside = sideBySide({ executorsFree: 1, busy: [...streams, held], held: [held] });
    expect(decide({ running: [later], beside }).chunks).toEqual([]);
    const sooner = view({ promptTokens: 20, arrivalMs: nowMs - 600 });
    expect(decide({ running: [sooner], beside }).chunks).toMatchObject([{ sequence: sooner }]);
  });

  it('computes a long prompt in slices of 400 ms', () => {
    const { chunks } = decide({ running: [stream(pressed), view({ promptTokens: 900 })] });
    expect(chunks[0]!.tokens).toBeGreaterThan(250);
    expect(chunks[0]!.tokens).toBeLessThan(400);
  });
});

type Fields = Partial<Pick<QueueView<SequenceView>, 'running' | 'waiting' | 'beside'>>;

function queue({ beside = sideBySide({}), ...fields }: Fields) {
  return { ...queueOf(fields), beside };
}

function draftOf(fields: Fields): StepDraft<SequenceView> {
  const view = queue(fields);
  const draft = new StepDraft(view);
  draft.decodeAll(view.running, view.waiting);
  return draft;
}

function goes(fields: Fields): boolean {
  const view = queue(fields);
  const draft = draftOf(fields);
  return goApart(draft, [...draft.prompts, ...view.waiting], view, view.beside);
}

function decide(fields: Fields) {
  return new ServiceLevel().decide(queue(fields));
}

function sideBySide(fields: Partial<SideBySide<SequenceView>>): SideBySide<SequenceView> {
  const none = { executors: 2, executorsFree: 2, busy: [], promptsUnderWay: 0, held: [] };
  return { ...none, costOn: () => smallMachine, ...fields };
}

function stream(objectives: SequenceView['objectives']): SequenceView {
  return decoding(10, 3, { objectives });
}
