import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blocksFor } from '../kv/token-ledger.js';
import { chunkTokens, type Decision, memoryless, type QueueView, type SequenceView } from './policy.js';
import { sarathi } from './sarathi.js';
import { admittedOf, isDecoding, promptLeft as left, queueOf, queues, view } from './test-support/queues.js';
import { drive } from './test-support/small-engine.js';

describe('sarathi', () => {
  it('lets prefill have what the decodes left of the budget, and never more', () => {
    checkAll((queue, { decodes, chunks }) => {
      const prefill = chunks.reduce((sum, { tokens }) => sum + tokens, 0);
      expect(prefill).toBeLessThanOrEqual(Math.max(0, queue.limits.tokenBudget - decodes.length));
      expect(chunks.length).toBeLessThanOrEqual(queue.limits.chunksMax);
    });
  });

  it('runs every decode that keeps its memory, however small the budget', () => {
    checkAll((queue, { decodes, preempted }) => {
      expect(decodes.filter((sequence) => queue.running.includes(sequence))).toEqual(
        queue.running.filter((sequence) => isDecoding(sequence) && !preempted.includes(sequence)),
      );
    });
  });

  it('serves prompts first come first served, those under way before new ones', () => {
    checkAll((queue, { decodes, chunks, preempted }) => {
      const prefilling = queue.running.filter((sequence) => !isDecoding(sequence) && !preempted.includes(sequence));
      const order = [...prefilling, ...queue.waiting.filter((sequence) => !decodes.includes(sequence))];
      let budget = Math.max(0, queue.limits.tokenBudget - decodes.length);
      for (const [index, { sequence, tokens }] of chunks.entries()) {
        expect(sequence).toBe(order[index]);
        expect(tokens).toBe(take(left(sequence), budget));
        budget -= tokens;
      }
      const next = prefilling[chunks.length];
      if (next !== undefined && chunks.length < queue.limits.chunksMax) expect(take(left(next), budget)).toBe(0);
    });
  });

  it('takes no more memory than is free, and counts the whole of what it lets in', () => {
    checkAll((queue, decision) => {
      const freed = decision.preempted.reduce((sum, { blocks }) => sum + blocks, 0);
      const ran = decision.decodes.filter((sequence) => queue.running.includes(sequence));
      const grown = ran.reduce((sum, one) => sum + Math.max(0, blocksFor(one.computed + 1) - one.blocks), 0);
      const admitted = admittedOf(queue, decision);
      const taken = admitted.reduce((sum, { tokens }) => sum + blocksFor(tokens), 0);
      expect(grown + taken).toBeLessThanOrEqual(queue.blocksFree + freed);
      expect(admitted.length).toBeLessThanOrEqual(queue.slotsFree);
      if (queue.running.length > 0 && admitted.length > 0) {
        expect(queue.blocksFree - grown - taken).toBeGreaterThanOrEqual(Math.floor(queue.blocksMax * 0.01));
      }
    });
  });

  it('cuts no prompt so that one token of it stands alone', () => {
    checkAll((_, { chunks }) => {
      for (const { sequence, tokens } of chunks) {
        expect(tokens).toBeGreaterThan(0);
        expect(left(sequence) - tokens).not.toBe(1);
        if (tokens % 32 === 1) expect(sequence.promptTokens).toBe(1);
      }
    });
  });

  it('preempts the youngest first, only for memory, and then lets nobody in', () => {
    checkAll((queue, { decodes, chunks, preempted }) => {
      expect(preempted).toEqual(queue.running.slice(queue.running.length - preempted.length));
      if (preempted.length === 0) return;
      expect(admittedOf(queue, { decodes, chunks, preempted })).toEqual([]);
      // Without the oldest of those who went, the memory would not have been enough for the decodes before it.
      const [oldest, ...others] = preempted;
      const freedByOthers = others.reduce((sum, { blocks }) => sum + blocks, 0);
      const wanting = isDecoding(oldest!) ? [...decodes, oldest!] : decodes;
      const grown = wanting.reduce((sum, one) => sum + Math.max(0, blocksFor(one.computed + 1) - one.blocks), 0);
      expect(grown).toBeGreaterThan(queue.blocksFree + freedByOthers);
    });
  });

  it('always moves somebody on when there is somebody', () => {
    checkAll((queue, { decodes, chunks }) => {
      if (queue.running.length + queue.waiting.length > 0) expect(decodes.length + chunks.length).toBeGreaterThan(0);
    });
  });

  it('does not go below zero when more sequences decode than the budget has tokens', () => {
    const running = Array.from({ length: 20 }, () => view({ promptTokens: 3, tokens: 5, computed: 4 }));
    const waiting = [view({ promptTokens: 30, tokens: 30 })];
    const decision = sarathi(
      queueOf({ running, waiting, limits: { tokenBudget: 16, chunksMax: 2, chunkBlockTokens: 32 } }),
    );
    expect(decision.decodes).toHaveLength(20);
    expect(decision.chunks).toEqual([]);
  });

  it('plans no empty chunk when decodes take exactly the budget', () => {
    const running = Array.from({ length: 16 }, () => view({ promptTokens: 3, tokens: 5, computed: 4 }));
    running.push(view({ promptTokens: 50, tokens: 50, computed: 20 }));
    const decision = sarathi(
      queueOf({ running, waiting: [], limits: { tokenBudget: 16, chunksMax: 2, chunkBlockTokens: 32 } }),
    );
    expect(decision.decodes).toHaveLength(16);
    expect(decision.chunks).toEqual([]);
  });

  it('lets nobody new overtake a prompt under way, not even by one token', () => {
    const running = [68, 46, 2].map((tokens) => view({ promptTokens: tokens, tokens }));
    const waiting = [view({ promptTokens: 1, tokens: 1 })];
    const decision = sarathi(
      queueOf({ running, waiting, limits: { tokenBudget: 113, chunksMax: 3, chunkBlockTokens: 32 } }),
    );
    expect(decision.chunks.map(({ tokens }) => tokens)).toEqual([68, 44]);
  });
});

describe('sarathi in a small memory', () => {
  it('lets in whom it can keep: nearly nobody loses the slot again, and everybody ends', () => {
    const arrivals = Array.from({ length: 30 }, (_, index) => ({
      atMs: index * 20,
      promptTokens: 20 + ((index * 7) % 25),
      outputTokens: 30,
    }));
    const limits = {
      tokenBudget: 40,
      stepTokensMax: 40,
      chunksMax: 2,
      chunksAbreast: 1,
      chunkBlockTokens: 32,
      copyTokensMax: 200,
    };
    const outcome = drive(memoryless(sarathi), arrivals, { slots: 8, blocks: 16, limits });
    expect(outcome.finished).toHaveLength(arrivals.length);
    expect(outcome.preemptions).toBeLessThan(arrivals.length / 3);
  });
});

describe('chunkTokens', () => {
  it('takes as much as fits', () => {
    expect([take(10, 20), take(20, 20), take(30, 20)]).toEqual([10, 20, 20]);
  });

  it('leaves two tokens rather than one', () => {
    expect(take(21, 20)).toBe(19);
    expect(take(3, 2)).toBe(0);
  });

  it('gives a single token only where it is all there is', () => {
    expect([take(1, 1), take(1, 0), take(2, 1), take(9, 1), take(9, 0)]).toEqual([1, 0, 0, 0, 0]);
  });

  it('leaves no single token for the last block either', () => {
    expect([take(33, 64), take(65, 64), take(100, 33), take(34, 33), take(33, 33)]).toEqual([31, 63, 32, 32, 31]);
  });
});

function take(remaining: number, budget: number): number {
  return chunkTokens(remaining, budget, 32);
}

function checkAll(check: (queue: QueueView<SequenceView>, decision: Decision<SequenceView>) => void): void {
  fc.assert(
    fc.property(equals, (queue) => check(queue, sarathi(queue))),
    { numRuns: 2_000 },
  );
}

/** Queues of one class, so that order is by arrival alone, of a machine that computes chunks one after the other. */
const equals = queues.map((queue) => {
  const level = (sequence: SequenceView): SequenceView => ({ ...sequence, priority: 'high' });
  const limits = { ...queue.limits, chunksAbreast: 1 };
  return { ...queue, limits, running: queue.running.map(level), waiting: queue.waiting.map(level) };
});
