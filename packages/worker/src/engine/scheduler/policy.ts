import type { ModelLimits } from '../model-port.js';

/**
 * What a policy sees of a sequence. Its life, in tokens:
 *
 *   [ prompt …………………… | generated ………… ]
 *     0 … computed …      computed counts what is in the slot
 *
 * A sequence prefills while `computed < promptTokens`, and decodes after that: one token a step, be it a new one or, after
 * a preemption, one that is known and only has to be put back into the slot.
 */
export interface SequenceView {
  readonly promptTokens: number;
  /** Prompt and generated. */
  readonly tokens: number;
  readonly computed: number;
  /** Blocks of memory it holds. */
  readonly blocks: number;
}

/** All a policy may look at. Policies are pure: the same queue gives the same decision. */
export interface QueueView<S extends SequenceView> {
  /** Hold a slot; first come first. */
  readonly running: readonly S[];
  /** Hold nothing; first come first, preempted ones before all others. */
  readonly waiting: readonly S[];
  readonly slotsFree: number;
  readonly blocksFree: number;
  readonly blocksMax: number;
  readonly limits: StepLimits;
}

export interface StepLimits {
  /** Tokens of one step, decodes and chunks together. Decodes are never dropped for it: it bounds prefill. */
  readonly tokenBudget: number;
  readonly chunksMax: number;
  /** As the model says. */
  readonly chunkBlockTokens: ModelLimits['chunkBlockTokens'];
}

/** What to do in one step. A sequence is in at most one of `decodes`, `chunks` and `preempted`. */
export interface Decision<S extends SequenceView> {
  readonly decodes: readonly S[];
  readonly chunks: readonly ChunkDecision<S>[];
  /** Lose slot and memory and go back to the front of the queue, in this order from the front. */
  readonly preempted: readonly S[];
}

export interface ChunkDecision<S extends SequenceView> {
  /** Running, or the next of the waiting ones: then it gets a slot now. */
  readonly sequence: S;
  /** Prompt tokens to compute, at least 1. */
  readonly tokens: number;
}

export type Policy = <S extends SequenceView>(queue: QueueView<S>) => Decision<S>;

/**
 * The largest slice of what is left of a prompt that fits the budget and leaves no single token alone, be it behind the
 * slice or in the last of the blocks that attention computes it in: a single token takes another kernel, which rounds
 * differently, so the output would depend on where a prompt was cut. 0 when none fits.
 */
export function chunkTokens(remaining: number, budget: number, blockTokens: number): number {
  const most = Math.min(remaining, budget);
  if (remaining === 1) return most;
  for (let tokens = most; tokens >= 2; tokens--) {
    if (remaining - tokens !== 1 && tokens % blockTokens !== 1) return tokens;
  }
  return 0;
}
