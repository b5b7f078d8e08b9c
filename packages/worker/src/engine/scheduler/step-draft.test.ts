import { describe, expect, it } from 'vitest';
import type { SequenceView } from './policy.js';
import { StepDraft } from './step-draft.js';
import { decoding, queueOf, view } from './test-support/queues.js';

describe('StepDraft', () => {
  it('lets nobody in while somebody had to go for memory, even where there would be room', () => {
    const running = [decoding(15, 2, { blocks: 1 }), decoding(150, 2, { blocks: 10 })];
    const queue = queueOf({ running, waiting: [view({ promptTokens: 16 })], blocksFree: 0, blocksMax: 20 });
    const draft = new StepDraft(queue);
    draft.decodeAll(running, queue.waiting);
    draft.prefill(queue.waiting, () => 100);
    expect(draft.decision).toEqual({ decodes: [running[0]], chunks: [], preempted: [running[1]] });
  });

  it('leaves one block in a hundred free for those who run, and none where nobody does', () => {
    const waiting = [view({ promptTokens: 16, blocks: 0 })];
    const running = [decoding(10, 3)];
    const admitted = (fields: Parameters<typeof queueOf>[0]): number => {
      const draft = new StepDraft(queueOf({ waiting, blocksMax: 400, ...fields }));
      draft.prefill(waiting, () => 100);
      return draft.chunks.length;
    };
    expect(admitted({ running, blocksFree: 5 })).toBe(1);
    expect(admitted({ running, blocksFree: 4 })).toBe(0);
    expect(admitted({ blocksFree: 1 })).toBe(1);
  });

  it('leaves a block free for each that may soon need one, where the memory is small', () => {
    const waiting = [view({ promptTokens: 16, blocks: 0 })];
    const admitted = (blocksFree: number, runningTokensMax = 60): number => {
      const running = [decoding(10, 3), decoding(20, 3)].map((one) => ({ ...one, tokensMax: runningTokensMax }));
      const draft = new StepDraft(queueOf({ waiting, running, blocksFree, blocksMax: 20 }));
      draft.prefill(waiting, () => 100);
      return draft.chunks.length;
    };
    expect([admitted(4), admitted(3)]).toEqual([1, 0]);
    // Those that end in the block they are in need none.
    expect([admitted(2, 16), admitted(1, 16)]).toEqual([1, 0]);
  });

  it('brings those back that were copied out, with the decodes, and nobody past one that does not fit', () => {
    const copied = (blocks: number) => decoding(blocks * 16 - 4, 4, { blocks: 0, tokensMax: blocks * 16 });
    const [first, large, last] = [copied(1), copied(9), copied(1)];
    const newcomer = view({ promptTokens: 8, blocks: 0, tokensMax: 16 });
    const underWay = view({ promptTokens: 40, tokensMax: 48 });
    const waiting = [first!, large!, last!, newcomer];
    const draft = new StepDraft(queueOf({ running: [underWay], waiting, blocksFree: 9, blocksMax: 60 }));
    draft.decodeAll([underWay], waiting);
    draft.prefill([underWay, ...waiting], () => 100);
    expect(draft.decodes).toEqual([first]);
    expect(draft.chunks.map(({ sequence }) => sequence)).toEqual([underWay]);
  });

  it('lets in as many that wait for copies as take little time, or one, and none past one that is held back', () => {
    const cached = (copyTokens: number) => view({ promptTokens: 300, computed: 200, copyTokens, blocks: 0 });
    const copied = (copyTokens: number) => decoding(12, 4, { copyTokens, blocks: 0 });
    const letIn = (waiting: readonly SequenceView[]): number => {
      const draft = new StepDraft(queueOf({ waiting, limits: { chunksMax: 5, copyTokensMax: 100 } }));
      draft.decodeAll([], waiting);
      draft.prefill(waiting, () => 50);
      return draft.decodes.length + draft.chunks.length;
    };
    expect(letIn([cached(200), cached(0), cached(0)])).toBe(3);
    expect(letIn([cached(50), cached(50), cached(1), cached(0)])).toBe(2);
    expect(letIn([copied(60), copied(40), copied(1), cached(0)])).toBe(2);
    expect(letIn([copied(60), cached(41)])).toBe(1);
  });

  it('lets one that does not fit hold back those behind it, but nobody who runs', () => {
    const large = view({ promptTokens: 900, blocks: 0 });
    const small = view({ promptTokens: 8, blocks: 0 });
    const underWay = view({ promptTokens: 40 });
    const queue = queueOf({ running: [underWay], waiting: [large, small], blocksFree: 10, blocksMax: 60 });
    const draft = new StepDraft(queue);
    draft.prefill([large, small, underWay], () => 100);
    expect(draft.chunks.map(({ sequence }) => sequence)).toEqual([underWay]);
  });

  it('with whole prompts, begins none that the step cannot finish, unless it is alone', () => {
    const waiting = [60, 60].map((promptTokens) => view({ promptTokens, blocks: 0 }));
    const chunks = (tokens: number): number[] => {
      const draft = new StepDraft(queueOf({ waiting }), { wholePrompts: true });
      draft.prefill(waiting, () => tokens - draft.prefillTokens);
      return draft.chunks.map((chunk) => chunk.tokens);
    };
    expect(chunks(120)).toEqual([60, 60]);
    expect(chunks(119)).toEqual([60]);
    expect(chunks(50)).toEqual([50]);
  });
});
