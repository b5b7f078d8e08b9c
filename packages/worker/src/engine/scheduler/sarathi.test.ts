import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blocksFor } from '../kv/token-ledger.js';
import { chunkTokens, type Decision, type QueueView, type SequenceView } from './policy.js';
import { sarathi } from './sarathi.js';

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
      expect(decodes).toEqual(
        queue.running.filter((sequence) => isDecoding(sequence) && !preempted.includes(sequence)),
      );
    });
  });

  it('serves prompts first come first served, those under way before new ones', () => {
    checkAll((queue, { decodes, chunks, preempted }) => {
      const prefilling = queue.running.filter((sequence) => !isDecoding(sequence) && !preempted.includes(sequence));
      const order = [...prefilling, ...queue.waiting];
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
    checkAll((queue, { decodes, chunks, preempted }) => {
      const freed = preempted.reduce((sum, { blocks }) => sum + blocks, 0);
      const grown = decodes.reduce((sum, one) => sum + Math.max(0, blocksFor(one.computed + 1) - one.blocks), 0);
      const admitted = admittedOf(queue, chunks);
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
      expect(admittedOf(queue, chunks)).toEqual([]);
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

  it('keeps nobody waiting for ever', () => {
    fc.assert(
      fc.property(fc.array(prompts, { minLength: 1, maxLength: 12 }), machines, (arriving, machine) => {
        const finished = drive(arriving, machine);
        expect(finished).toBe(arriving.length);
      }),
      { numRuns: 300 },
    );
  });

  it('does not go below zero when more sequences decode than the budget has tokens', () => {
    const running = Array.from({ length: 20 }, () => view({ promptTokens: 3, tokens: 5, computed: 4 }));
    const waiting = [view({ promptTokens: 30, tokens: 30 })];
    const decision = sarathi({
      ...roomy,
      running,
      waiting,
      limits: { tokenBudget: 16, chunksMax: 2, chunkBlockTokens: 32 },
    });
    expect(decision.decodes).toHaveLength(20);
    expect(decision.chunks).toEqual([]);
  });

  it('plans no empty chunk when decodes take exactly the budget', () => {
    const running = Array.from({ length: 16 }, () => view({ promptTokens: 3, tokens: 5, computed: 4 }));
    running.push(view({ promptTokens: 50, tokens: 50, computed: 20 }));
    const decision = sarathi({
      ...roomy,
      running,
      waiting: [],
      limits: { tokenBudget: 16, chunksMax: 2, chunkBlockTokens: 32 },
    });
    expect(decision.decodes).toHaveLength(16);
    expect(decision.chunks).toEqual([]);
  });

  it('lets nobody new overtake a prompt under way, not even by one token', () => {
    const running = [68, 46, 2].map((tokens) => view({ promptTokens: tokens, tokens }));
    const waiting = [view({ promptTokens: 1, tokens: 1 })];
    const decision = sarathi({
      ...roomy,
      running,
      waiting,
      limits: { tokenBudget: 113, chunksMax: 3, chunkBlockTokens: 32 },
    });
    expect(decision.chunks.map(({ tokens }) => tokens)).toEqual([68, 44]);
  });

  it('changes nothing of what it looks at', () => {
    checkAll((queue) => {
      const before = structuredClone(queue);
      sarathi(queue);
      expect(queue).toEqual(before);
    });
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

const roomy = { slotsFree: 4, blocksFree: 1_000, blocksMax: 2_000 };

function view(fields: Partial<SequenceView>): SequenceView {
  const { promptTokens = 4, tokens = 4, computed = 0 } = fields;
  return { promptTokens, tokens, computed, blocks: blocksFor(tokens), ...fields };
}

function isDecoding({ computed, promptTokens }: SequenceView): boolean {
  return computed >= promptTokens;
}

function left({ promptTokens, computed }: SequenceView): number {
  return promptTokens - computed;
}

function admittedOf(queue: QueueView<SequenceView>, chunks: Decision<SequenceView>['chunks']): SequenceView[] {
  return chunks.map(({ sequence }) => sequence).filter((sequence) => queue.waiting.includes(sequence));
}

function checkAll(check: (queue: QueueView<SequenceView>, decision: Decision<SequenceView>) => void): void {
  fc.assert(
    fc.property(queues, (queue) => check(queue, sarathi(queue))),
    { numRuns: 2_000 },
  );
}

/** Steps until all have ended; the number of those that did. Sequences grow as the engine grows them. */
function drive(
  arriving: readonly Grown[],
  { slots, blocks: blocksMax, limits }: typeof machines extends fc.Arbitrary<infer M> ? M : never,
): number {
  let waiting = arriving.map((sequence) => ({ ...sequence }));
  let running: Grown[] = [];
  let finished = 0;
  for (let step = 0; step < 5_000 && running.length + waiting.length > 0; step++) {
    const blocksFree = blocksMax - running.reduce((sum, { blocks }) => sum + blocks, 0);
    const queue = { running, waiting, slotsFree: slots - running.length, blocksFree, blocksMax, limits };
    const { decodes, chunks, preempted } = sarathi(queue);
    for (const one of preempted) Object.assign(one, { blocks: 0, computed: 0 });
    running = running.filter((one) => !preempted.includes(one));
    for (const { sequence } of chunks) {
      if (running.includes(sequence)) continue;
      sequence.blocks = blocksFor(sequence.tokens);
      running.push(sequence);
    }
    waiting = [...preempted, ...waiting.filter((one) => !running.includes(one))];
    for (const one of decodes) {
      one.computed += 1;
      one.blocks = Math.max(one.blocks, blocksFor(one.computed));
    }
    for (const { sequence, tokens } of chunks) sequence.computed += tokens;
    for (const one of running) if (one.computed === one.tokens) one.tokens += 1;
    const ended = running.filter((one) => one.tokens > one.tokensMax);
    finished += ended.length;
    running = running.filter((one) => !ended.includes(one));
  }
  return finished;
}

interface Grown extends SequenceView {
  tokens: number;
  computed: number;
  blocks: number;
  readonly tokensMax: number;
}

const prompts: fc.Arbitrary<Grown> = fc
  .record({ promptTokens: fc.integer({ min: 1, max: 60 }), outputTokens: fc.integer({ min: 1, max: 60 }) })
  .map(({ promptTokens, outputTokens }) => ({
    promptTokens,
    tokens: promptTokens,
    computed: 0,
    blocks: 0,
    tokensMax: promptTokens + outputTokens,
  }));

/** Room for the longest sequence alone (120 tokens), and not much more. */
const machines = fc.record({
  slots: fc.integer({ min: 1, max: 6 }),
  blocks: fc.integer({ min: 8, max: 20 }),
  limits: fc.record({
    tokenBudget: fc.integer({ min: 22, max: 60 }),
    chunksMax: fc.integer({ min: 1, max: 3 }),
    chunkBlockTokens: fc.constant(32),
  }),
});

/** A sequence that holds a slot: its prompt under way, decoding, or decoding again what it had before a preemption. */
const runningSequences: fc.Arbitrary<SequenceView> = fc
  .record({
    promptTokens: fc.integer({ min: 1, max: 120 }),
    generated: fc.integer({ min: 0, max: 60 }),
    progress: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ promptTokens, generated, progress }) => {
    const tokens = promptTokens + generated + 1;
    const computed = Math.floor(progress * (tokens - 1));
    if (computed < promptTokens) {
      // Cuts leave two tokens at least, and generated ones come after the prompt.
      const cut = promptTokens - computed === 1 ? Math.max(0, computed - 1) : computed;
      return view({ promptTokens, tokens: promptTokens, computed: cut === 1 ? 0 : cut });
    }
    return { promptTokens, tokens, computed, blocks: blocksFor(computed) };
  });

const waitingSequences: fc.Arbitrary<SequenceView> = fc
  .record({ promptTokens: fc.integer({ min: 1, max: 120 }), generated: fc.nat(60) })
  .map(({ promptTokens, generated }) => ({ promptTokens, tokens: promptTokens + generated, computed: 0, blocks: 0 }));

/** Every sequence fits the memory alone, and the budget leaves prefill at least what the engine asks for. */
const queues: fc.Arbitrary<QueueView<SequenceView>> = fc
  .record({
    running: fc.array(runningSequences, { maxLength: 8 }),
    waiting: fc.array(waitingSequences, { maxLength: 5 }),
    slotsFree: fc.integer({ min: 0, max: 4 }),
    blocksFree: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 200 })),
    budgetExtra: fc.integer({ min: 16, max: 200 }),
    chunksMax: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ running, waiting, slotsFree, blocksFree, budgetExtra, chunksMax }) => {
    const held = running.reduce((sum, { blocks }) => sum + blocks, 0);
    const blocksMax = Math.max(held + blocksFree, blocksFor(182));
    return {
      running,
      waiting,
      slotsFree: running.length === 0 ? Math.max(1, slotsFree) : slotsFree,
      blocksFree: blocksMax - held,
      blocksMax,
      limits: { tokenBudget: running.length + budgetExtra, chunksMax, chunkBlockTokens: 32 },
    };
  });
