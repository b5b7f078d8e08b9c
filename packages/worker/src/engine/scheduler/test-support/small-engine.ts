import fc from 'fast-check';
import { noWork, type StepCost, type StepWork, withChunk, withDecode } from '../../cost-model.js';
import { blocksFor } from '../../kv/token-ledger.js';
import type { Objectives, Priority } from '../../sequence.js';
import type { Decision, Policy, SequenceView, StepLimits } from '../policy.js';
import { sharingMachine, smallMachine, nowMs as startMs, view } from './queues.js';

/** A sequence that grows as the engine lets it grow. */
export interface Grown extends SequenceView {
  readonly name: number;
  promptTokens: number;
  tokens: number;
  generated: number;
  computed: number;
  blocks: number;
  lastTokenMs: number | undefined;
  firstTokenMs: number | undefined;
  readonly gapsMs: number[];
}

export interface Arrival {
  readonly atMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly priority?: Priority;
  readonly client?: string;
  readonly objectives?: Objectives;
}

export interface Machine {
  readonly slots: number;
  readonly blocks: number;
  readonly limits: StepLimits;
  /** As the model says. */
  readonly chunksRoundAsDecodes?: boolean;
  /** What steps take; absent: {@link smallMachine}. */
  readonly cost?: StepCost;
}

/** What a run came to. */
export interface Outcome {
  /** In the order of their ends. */
  readonly finished: readonly Grown[];
  readonly steps: number;
  readonly preemptions: number;
  readonly endMs: number;
}

/** Every other sequence is copied out when it loses its slot, the others are computed again. */
function isCopied({ name }: Grown): boolean {
  return name % 2 === 0;
}

/**
 * The engine's side of a policy without a model: time advances by what the machine's cost says a step takes.
 * @param check sees every decision before it is carried out.
 */
export function drive(
  policy: Policy,
  arrivals: readonly Arrival[],
  { slots, blocks: blocksMax, limits, chunksRoundAsDecodes = false, cost = smallMachine }: Machine,
  check: (decision: Decision<Grown>, work: StepWork, running: readonly Grown[]) => void = () => {},
): Outcome {
  const toCome = arrivals.map(grown).sort((a, b) => a.arrivalMs - b.arrivalMs);
  let waiting: Grown[] = [];
  let running: Grown[] = [];
  const finished: Grown[] = [];
  let nowMs = startMs;
  let preemptions = 0;
  let steps = 0;
  for (; steps < 20_000 && finished.length < arrivals.length; steps++) {
    if (running.length + waiting.length === 0) nowMs = Math.max(nowMs, toCome[0]!.arrivalMs);
    while (toCome.length > 0 && toCome[0]!.arrivalMs <= nowMs) waiting.push(toCome.shift()!);
    const blocksFree = blocksMax - running.reduce((sum, { blocks }) => sum + blocks, 0);
    const slotsFree = slots - running.length;
    const queue = { nowMs, running, waiting, slotsFree, blocksFree, blocksMax, limits, cost };
    const decision = policy.decide(queue);
    const work = workOfDecision(decision);
    check(decision, work, running);

    preemptions += decision.preempted.length;
    for (const one of decision.preempted) {
      const computed = isCopied(one) ? one.computed : 0;
      Object.assign(one, { blocks: 0, computed, copyTokens: computed });
      if (chunksRoundAsDecodes && !isCopied(one)) one.promptTokens = one.tokens;
    }
    running = running.filter((one) => !decision.preempted.includes(one));
    for (const sequence of [...decision.decodes, ...decision.chunks.map((chunk) => chunk.sequence)]) {
      if (running.includes(sequence)) continue;
      sequence.blocks = blocksFor(sequence.tokens);
      running.push(sequence);
    }
    waiting = [...decision.preempted, ...waiting.filter((one) => !running.includes(one))];
    for (const one of decision.decodes) one.blocks = Math.max(one.blocks, blocksFor(one.computed + 1));
    const passMs = cost.predictMs(work);
    nowMs += passMs;
    for (const one of decision.decodes) one.computed += 1;
    for (const { sequence, tokens } of decision.chunks) sequence.computed += tokens;
    for (const one of [...decision.decodes, ...decision.chunks.map((chunk) => chunk.sequence)]) {
      if (one.computed === one.tokens) addToken(one, nowMs);
    }
    const ended = running.filter((one) => one.tokens === one.tokensMax);
    policy.observe({ decision, endMs: nowMs, passMs, ended });
    finished.push(...ended);
    running = running.filter((one) => !ended.includes(one));
  }
  return { finished, steps, preemptions, endMs: nowMs };
}

function workOfDecision({ decodes, chunks }: Decision<SequenceView>): StepWork {
  const decoding = decodes.reduce((work, { computed }) => withDecode(work, computed), noWork);
  return chunks.reduce((work, { sequence, tokens }) => withChunk(work, sequence.computed, tokens), decoding);
}

function grown({ atMs, promptTokens, outputTokens, ...fields }: Arrival, name: number): Grown {
  const arrivalMs = startMs + atMs;
  const waiting = view({ promptTokens, blocks: 0, tokensMax: promptTokens + outputTokens, arrivalMs, ...fields });
  return { ...waiting, name, firstTokenMs: undefined, gapsMs: [] };
}

function addToken(sequence: Grown, nowMs: number): void {
  sequence.tokens += 1;
  sequence.generated += 1;
  if (sequence.lastTokenMs === undefined) sequence.firstTokenMs = nowMs;
  else sequence.gapsMs.push(nowMs - sequence.lastTokenMs);
  sequence.lastTokenMs = nowMs;
}

export const arrivals: fc.Arbitrary<Arrival[]> = fc.array(
  fc.record({
    atMs: fc.integer({ min: 0, max: 400 }),
    promptTokens: fc.integer({ min: 1, max: 60 }),
    outputTokens: fc.integer({ min: 1, max: 60 }),
    priority: fc.constantFrom('low', 'normal', 'high'),
    client: fc.constantFrom('', 'a', 'b'),
    objectives: fc.record({ ttftMs: fc.constantFrom(1, 500, 60_000), tbtMs: fc.constantFrom(1, 30, 200, 60_000) }),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Room for the longest sequence alone (120 tokens), and not much more. */
export const machines: fc.Arbitrary<Machine> = fc
  .record({
    slots: fc.integer({ min: 1, max: 6 }),
    blocks: fc.integer({ min: 8, max: 20 }),
    tokenBudget: fc.integer({ min: 22, max: 60 }),
    stepExtra: fc.integer({ min: 0, max: 80 }),
    chunksMax: fc.integer({ min: 1, max: 3 }),
    chunksAbreast: fc.integer({ min: 1, max: 3 }),
    chunksRoundAsDecodes: fc.boolean(),
  })
  .map(({ slots, blocks, tokenBudget, stepExtra, chunksMax, chunksAbreast, chunksRoundAsDecodes }) => ({
    slots,
    blocks,
    chunksRoundAsDecodes,
    limits: {
      tokenBudget,
      stepTokensMax: tokenBudget + stepExtra,
      chunksMax,
      chunksAbreast,
      chunkBlockTokens: 32,
      copyTokensMax: 50,
    },
    cost: sharingMachine(chunksAbreast),
  }));
