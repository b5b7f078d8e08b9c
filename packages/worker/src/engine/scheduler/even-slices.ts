import { noWork, type StepWork, withChunk } from '../cost-model.js';
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
  /** How much longer the first of the prompts takes than if it went before the others. */
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
  { work, tokensMax, timeMs }: PromptRoom,
  { nowMs, limits, cost }: QueueView<S>,
): EvenSlices<S> | undefined {
  if (limits.chunksAbreast < 2 || order.length < 2) return undefined;
  // It may come back among the decodes.
  if (!isPrompt(order[0]!)) return undefined;
  const abreast = draft.nextOf(order, limits.chunksAbreast);
  const classes = abreast.map((one) => urgencyClass(one, nowMs));
  const others = classes.findIndex((one) => one !== classes[0]);
  const peers = others < 0 ? abreast : abreast.slice(0, others);
  const count = peers.length;
  if (count < 2) return undefined;

  const stepMs = (slices: readonly number[]): number =>
    cost.predictMs(slices.reduce((sum, tokens, index) => withSlice(sum, peers[index]!, tokens), work));
  const fits = (slices: readonly number[]): boolean =>
    total(slices) <= tokensMax && stepMs(slices) * cost.marginRatio <= timeMs;
  const slicesWithin = (ms: number): number[] =>
    peers.map((one) => largest(mostTokens(one), (tokens) => cost.predictMs(withSlice(noWork, one, tokens)) <= ms));

  const even = evenWithin(Math.max(...peers.map((one) => cost.predictMs(withSlice(noWork, one, mostTokens(one))))));
  if (even.some((tokens, index) => tokens < Math.min(CHUNK_TOKENS_MIN, mostTokens(peers[index]!)))) return undefined;
  const inTurn: number[] = [];
  for (const one of peers.slice(0, limits.chunksMax))
    inTurn.push(largest(mostTokens(one), (tokens) => fits([...inTurn, tokens])));

  // By what the slices are worth, since a token behind a long context is more than one.
  const ownMs = (slices: readonly number[]): number =>
    total(
      slices.map((tokens, index) => cost.predictMs(withSlice(noWork, peers[index]!, tokens)) - cost.predictMs(noWork)),
    );
  const ratio = stepMs(even) / ownMs(even) / (stepMs(inTurn) / ownMs(inTurn));
  if (!(ratio * (prompts + count) < prompts + 1)) return undefined;
  return { tokens: new Map(peers.map((one, index) => [one, even[index]!])), delayRatio: count * ratio };

  /** The largest slices that fit and take the same time each, and at most so long. */
  function evenWithin(mostMs: number): number[] {
    const most = slicesWithin(mostMs);
    if (fits(most)) return most;
    let fittingMs = 0;
    let failingMs = mostMs;
    for (let halving = 0; halving < HALVINGS; halving++) {
      const middleMs = (fittingMs + failingMs) / 2;
      if (fits(slicesWithin(middleMs))) fittingMs = middleMs;
      else failingMs = middleMs;
    }
    return slicesWithin(fittingMs);
  }
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

function mostTokens({ promptTokens, computed, chunkTokensMax }: SequenceView): number {
  return Math.min(promptTokens - computed, chunkTokensMax);
}

function total(slices: readonly number[]): number {
  return slices.reduce((sum, tokens) => sum + tokens, 0);
}
