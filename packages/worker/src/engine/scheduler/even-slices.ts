import { noWork, type StepCost, type StepWork, withChunk } from '../cost-model.js';
import type { QueueView, SequenceView } from './policy.js';
import { isPrompt, type StepDraft } from './step-draft.js';
import { urgencyClass } from './urgency.js';

/** Slices are at least so long, unless less is left: below it the base of a step is paid for next to nothing. */
export const CHUNK_TOKENS_MIN = 16;
/** Halvings of the span in which the time of even slices lies. */
const HALVINGS = 16;

/** What the prompts of a step may have together. */
export interface PromptRoom {
  /** What the step computes beside them. */
  readonly work: StepWork;
  readonly tokensMax: number;
  /** Of the step as it is predicted, margin included. */
  readonly timeMs: number;
}

export interface EvenSlices<S> {
  readonly tokens: ReadonlyMap<S, number>;
  /** Who would have been computed first. */
  readonly first: S;
  /** How much longer it takes than if it went before the others. */
  readonly delayRatio: number;
}

/**
 * Slices of prompts that a model computes side by side, which are predicted to end together; a prompt with less left has
 * all of it, and the others more. Undefined where prompts one after the other are the better way:
 *
 * n prompts that each take the time T have their first tokens after T, 2T … nT: (n + 1)T / 2 on average. In groups of k
 * side by side, which take r times as long as one after the other, k each after krT, 2krT …: (n + k)rT / 2. So slices are
 * even where r < (n + 1) / (n + k): 0.75 of the time for two prompts, 0.94 for sixteen in pairs.
 *
 * Only prompts of one class share: nobody less urgent slows the first.
 * @param draft with its decodes, and no chunks yet.
 * @param order in which prompts get chunks.
 * @param prompts that run or wait in all.
 */
export function evenSlices<S extends SequenceView>(
  draft: StepDraft<S>,
  order: readonly S[],
  prompts: number,
  room: PromptRoom,
  queue: QueueView<S>,
): EvenSlices<S> | undefined {
  const peers = peersOf(draft, order, queue);
  const count = peers.length;
  if (count < 2) return undefined;
  const trial = new SliceTrial(peers, room, queue.cost);
  const even = trial.even();
  if (even.some((tokens, index) => tokens < Math.min(CHUNK_TOKENS_MIN, mostTokens(peers[index]!)))) return undefined;
  const ratio = trial.slownessOf(even) / trial.slownessOf(trial.inTurn(queue.limits.chunksMax));
  if (ratio * (prompts + count) >= prompts + 1) return undefined;
  const tokens = new Map(peers.map((one, index) => [one, even[index]!]));
  return { tokens, first: peers[0]!, delayRatio: count * ratio };
}

/** The prompts that could be computed side by side in a step, the first of the order and as many of its class. */
function peersOf<S extends SequenceView>(
  draft: StepDraft<S>,
  order: readonly S[],
  { nowMs, limits: { chunksAbreast } }: QueueView<S>,
): readonly S[] {
  // One that was copied out may come back among the decodes.
  if (chunksAbreast < 2 || order.length < 2 || !isPrompt(order[0]!)) return [];
  const next = draft.nextOf(order, chunksAbreast);
  const end = next.findIndex((one) => urgencyClass(one, nowMs) !== urgencyClass(next[0]!, nowMs));
  return end < 0 ? next : next.slice(0, end);
}

/** What a step is predicted to be with slices of the prompts, in their order. */
class SliceTrial {
  readonly #prompts: readonly SequenceView[];
  readonly #room: PromptRoom;
  readonly #cost: StepCost;

  constructor(prompts: readonly SequenceView[], room: PromptRoom, cost: StepCost) {
    this.#prompts = prompts;
    this.#room = room;
    this.#cost = cost;
  }

  /** The largest that fit and take the same time each. */
  even(): number[] {
    const mostMs = Math.max(...this.#prompts.map((one) => this.#sliceMs(one, mostTokens(one))));
    const most = this.#within(mostMs);
    if (this.#fits(most)) return most;
    let fittingMs = 0;
    let failingMs = mostMs;
    for (let halving = 0; halving < HALVINGS; halving++) {
      const middleMs = (fittingMs + failingMs) / 2;
      if (this.#fits(this.#within(middleMs))) fittingMs = middleMs;
      else failingMs = middleMs;
    }
    return this.#within(fittingMs);
  }

  /** Each the largest that fits beside those before it. */
  inTurn(chunksMax: number): number[] {
    const slices: number[] = [];
    for (const one of this.#prompts.slice(0, chunksMax)) {
      slices.push(largest(mostTokens(one), (tokens) => this.#fits([...slices, tokens])));
    }
    return slices;
  }

  /** Milliseconds of the step over what its slices are worth, which is more behind a long context. */
  slownessOf(slices: readonly number[]): number {
    const emptyMs = this.#cost.predictMs(noWork);
    return this.#stepMs(slices) / sum(slices.map((tokens, at) => this.#sliceMs(this.#prompts[at]!, tokens) - emptyMs));
  }

  #within(ms: number): number[] {
    return this.#prompts.map((one) => largest(mostTokens(one), (tokens) => this.#sliceMs(one, tokens) <= ms));
  }

  #fits(slices: readonly number[]): boolean {
    const { tokensMax, timeMs } = this.#room;
    return sum(slices) <= tokensMax && this.#stepMs(slices) * this.#cost.marginRatio <= timeMs;
  }

  #stepMs(slices: readonly number[]): number {
    const { work } = this.#room;
    return this.#cost.predictMs(slices.reduce((all, tokens, at) => withSlice(all, this.#prompts[at]!, tokens), work));
  }

  #sliceMs(prompt: SequenceView, tokens: number): number {
    return this.#cost.predictMs(withSlice(noWork, prompt, tokens));
  }
}

/**
 * Slices of a step shortened alike, as far as each prompt still ends with as many as these: 128 of 256 tokens where 160
 * would fit. Then the last are as long as those before them, and streams beside them wait less.
 * @param slices each above 0.
 */
export function levelled<S extends SequenceView>(slices: ReadonlyMap<S, number>): ReadonlyMap<S, number> {
  const share = Math.max(
    ...[...slices].map(([prompt, tokens]) => {
      const left = leftOf(prompt);
      const level = Math.ceil(left / Math.ceil(left / tokens));
      return Math.max(level, Math.min(CHUNK_TOKENS_MIN, tokens)) / tokens;
    }),
  );
  return new Map([...slices].map(([prompt, tokens]) => [prompt, Math.ceil(share * tokens)]));
}

/** The largest count up to `most` that fits, where all below a count that fits do; 0 when none does. */
export function largest(most: number, fits: (count: number) => boolean): number {
  if (fits(most)) return most;
  let fitting = 0;
  let failing = most;
  while (failing - fitting > 1) {
    const middle = (fitting + failing) >> 1;
    if (fits(middle)) fitting = middle;
    else failing = middle;
  }
  return fitting;
}

function withSlice(work: StepWork, { computed }: SequenceView, tokens: number): StepWork {
  return tokens === 0 ? work : withChunk(work, computed, tokens);
}

function mostTokens(prompt: SequenceView): number {
  return Math.min(leftOf(prompt), prompt.chunkTokensMax);
}

function leftOf({ promptTokens, computed }: SequenceView): number {
  return promptTokens - computed;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
