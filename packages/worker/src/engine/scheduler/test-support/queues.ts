import fc from 'fast-check';
import type { StepCost } from '../../cost-model.js';
import { blocksFor } from '../../kv/token-ledger.js';
import { defaultObjectives, priorities } from '../../sequence.js';
import type { Decision, QueueView, SequenceView, StepLimits } from '../policy.js';

export const nowMs = 100_000;

/** A small CPU: milliseconds of a pass. */
export const smallMachine: StepCost = {
  predictMs: (work) =>
    5 + 2 * work.decodes + 0.003 * work.decodeContext + work.prefillTokens + 4e-4 * work.prefillPairs,
  marginRatio: 1.2,
};

/** The same, of which so many chunks that end together take 0.7 of their time when they are computed side by side. */
export function sharingMachine(abreast: number): StepCost {
  return {
    predictMs: (work) => {
      const wideMs = smallMachine.predictMs(work);
      if (work.chunks < 2 || work.chunks > abreast) return wideMs;
      const heaviestShare = work.heaviestChunk / (work.prefillTokens + work.prefillPairs / 1_000);
      return wideMs - Math.max(0, 1 - 0.7 * abreast * heaviestShare) * work.prefillTokens;
    },
    marginRatio: 1.2,
  };
}

/** A sequence that waits, unless the fields say more. */
export function view(fields: Partial<SequenceView> = {}): SequenceView {
  const { promptTokens = 4, tokens = promptTokens, computed = 0, blocks = blocksFor(tokens) } = fields;
  return {
    promptTokens,
    tokens,
    generated: tokens - promptTokens,
    computed,
    copyTokens: 0,
    chunkTokensMax: Number.POSITIVE_INFINITY,
    blocks,
    tokensMax: tokens + 20,
    arrivalMs: nowMs,
    lastTokenMs: tokens > promptTokens ? nowMs : undefined,
    priority: 'normal',
    objectives: defaultObjectives,
    client: '',
    ...fields,
  };
}

/** A sequence that gains a token each step. */
export function decoding(promptTokens: number, generated: number, fields: Partial<SequenceView> = {}): SequenceView {
  const tokens = promptTokens + generated;
  return view({ promptTokens, tokens, computed: tokens - 1, ...fields });
}

/** A roomy machine that holds nothing, unless the fields say more. */
export function queueOf(
  fields: Partial<Omit<QueueView<SequenceView>, 'limits'>> & { readonly limits?: Partial<StepLimits> } = {},
): QueueView<SequenceView> {
  const limits = {
    tokenBudget: 128,
    stepTokensMax: 1_024,
    chunksMax: 2,
    chunksAbreast: 1,
    chunkBlockTokens: 32,
    copyTokensMax: 100,
    ...fields.limits,
  };
  return {
    nowMs,
    running: [],
    waiting: [],
    slotsFree: 16,
    blocksFree: 1_000,
    blocksMax: 2_000,
    cost: smallMachine,
    ...fields,
    limits,
  };
}

export function isDecoding({ computed, promptTokens }: SequenceView): boolean {
  return computed >= promptTokens;
}

export function promptLeft({ promptTokens, computed }: SequenceView): number {
  return promptTokens - computed;
}

/** The sequences of a decision that did not run before it. */
export function admittedOf<S extends SequenceView>(queue: QueueView<S>, { decodes, chunks }: Decision<S>): S[] {
  return [...decodes, ...chunks.map(({ sequence }) => sequence)].filter((one) => queue.waiting.includes(one));
}

const terms = fc.record({
  ageMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 90_000 })),
  sinceTokenMs: fc.integer({ min: 0, max: 600 }),
  priority: fc.constantFrom(...priorities),
  objectives: fc.record({
    ttftMs: fc.constantFrom(1, 500, 5_000, 3_600_000),
    tbtMs: fc.constantFrom(1, 30, 200, 3_600_000),
  }),
  client: fc.constantFrom('', 'a', 'b'),
  answerTokens: fc.integer({ min: 1, max: 60 }),
});

/** A sequence that holds a slot: its prompt under way, decoding, or decoding again what it had before a preemption. */
const runningSequences = fc
  .record({
    promptTokens: fc.integer({ min: 1, max: 120 }),
    generated: fc.integer({ min: 0, max: 60 }),
    progress: fc.double({ min: 0, max: 1, noNaN: true }),
    terms,
  })
  .map(({ promptTokens, generated, progress, terms }) => {
    const tokens = promptTokens + generated + 1;
    const computed = Math.floor(progress * (tokens - 1));
    const served = servedOf(terms, tokens);
    if (computed >= promptTokens) {
      return view({ promptTokens, tokens, computed, blocks: blocksFor(computed), ...served });
    }
    // Cuts leave two tokens at least, and generated ones come after the prompt.
    const cut = promptLeft({ ...view({ promptTokens }), computed }) === 1 ? Math.max(0, computed - 1) : computed;
    return view({ promptTokens, computed: cut === 1 ? 0 : cut, ...served, lastTokenMs: undefined });
  });

const waitingSequences = fc
  .record({
    promptTokens: fc.integer({ min: 1, max: 120 }),
    generated: fc.nat(60),
    isCopied: fc.boolean(),
    isPrefilled: fc.boolean(),
    terms,
  })
  .map(({ promptTokens: asked, generated, isCopied, isPrefilled, terms }) => {
    const tokens = asked + generated;
    // What it had generated is prompt by now.
    const promptTokens = isPrefilled && !isCopied ? tokens : asked;
    const served = servedOf(terms, tokens);
    const computed = isCopied && generated > 0 ? tokens - 1 : 0;
    const lastToken = generated === 0 ? { lastTokenMs: undefined } : {};
    const counted = { promptTokens, tokens, generated, computed, copyTokens: computed };
    return view({ ...counted, blocks: 0, ...served, ...lastToken });
  });

function servedOf(
  { ageMs, sinceTokenMs, answerTokens, ...rest }: typeof terms extends fc.Arbitrary<infer T> ? T : never,
  tokens: number,
) {
  return {
    ...rest,
    arrivalMs: nowMs - ageMs,
    lastTokenMs: nowMs - Math.min(ageMs, sinceTokenMs),
    tokensMax: tokens + answerTokens,
  };
}

/** Every sequence fits the memory alone, and the budget leaves prefill at least what the engine asks for. */
export const queues: fc.Arbitrary<QueueView<SequenceView>> = fc
  .record({
    running: fc.array(runningSequences, { maxLength: 8 }),
    waiting: fc.array(waitingSequences, { maxLength: 5 }),
    slotsFree: fc.integer({ min: 0, max: 4 }),
    blocksFree: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 200 })),
    budgetExtra: fc.integer({ min: 16, max: 200 }),
    stepExtra: fc.integer({ min: 0, max: 400 }),
    chunksMax: fc.integer({ min: 1, max: 3 }),
    chunksAbreast: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ running, waiting, slotsFree, blocksFree, budgetExtra, stepExtra, chunksMax, chunksAbreast }) => {
    const held = running.reduce((sum, { blocks }) => sum + blocks, 0);
    const blocksMax = Math.max(held + blocksFree, blocksFor(242));
    const tokenBudget = running.length + budgetExtra;
    return queueOf({
      running,
      waiting,
      slotsFree: running.length === 0 ? Math.max(1, slotsFree) : slotsFree,
      blocksFree: blocksMax - held,
      blocksMax,
      limits: { tokenBudget, stepTokensMax: tokenBudget + stepExtra, chunksMax, chunksAbreast },
      cost: sharingMachine(chunksAbreast),
    });
  });
