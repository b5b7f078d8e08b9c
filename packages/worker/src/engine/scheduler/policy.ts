import type { StepCost } from '../cost-model.js';
import type { ModelLimits } from '../model-port.js';
import type { Objectives, Priority } from '../sequence.js';

/**
 * What a policy sees of a sequence. Its life, in tokens:
 *
 *   [ prompt …………………… | generated ………… ]
 *     0 … computed …      computed counts what is in the slot
 *
 * A sequence prefills while `computed < promptTokens`, and decodes after that: one token a step, be it a new one or, after
 * a preemption, one that is known and only has to be put back into the slot. Where the model's chunks round as its decodes do,
 * nothing has to be put back so: what was generated when it lost its slot is prompt from then on.
 */
export interface SequenceView {
  /** What it prefills. */
  readonly promptTokens: number;
  /** Prompt and generated. */
  readonly tokens: number;
  /** Tokens of its answer, whether they are prompt by now or not. */
  readonly generated: number;
  /**
   * Of a waiting one: prompt tokens that it would find in the prefix cache if it were let in now, at most all but two; or,
   * after a preemption, tokens that were copied out and come back with it, up to all but the last of prompt and generated.
   * It needs blocks for all its tokens none the less.
   */
  readonly computed: number;
  /** Of a waiting one: tokens that are copied into its slot, between two passes, when it is let in. */
  readonly copyTokens: number;
  /** Most tokens of one of its chunks, at least 4. */
  readonly chunkTokensMax: number;
  /** Blocks of memory it holds. */
  readonly blocks: number;
  /** Most tokens of prompt and output. */
  readonly tokensMax: number;
  /** When it was submitted. */
  readonly arrivalMs: number;
  /** When it gained its last token; undefined before its first. */
  readonly lastTokenMs: number | undefined;
  readonly priority: Priority;
  readonly objectives: Objectives;
  /** Who asked, for policies that share fairly; empty: nobody in particular. */
  readonly client: string;
}

/** All a policy may look at. */
export interface QueueView<S extends SequenceView> {
  /** On the clock of the times in the sequences. */
  readonly nowMs: number;
  /** Hold a slot; first come first. Without those that are {@link SideBySide.busy}. */
  readonly running: readonly S[];
  /** Hold nothing; first come first, preempted ones before all others. */
  readonly waiting: readonly S[];
  readonly slotsFree: number;
  readonly blocksFree: number;
  readonly blocksMax: number;
  readonly limits: StepLimits;
  /** What a step is likely to take, on all executors that are free. */
  readonly cost: StepCost;
  /** Absent: the model runs one pass at a time. */
  readonly beside?: SideBySide<S>;
}

/** What a policy has to know where several passes can run side by side: it is asked whenever an executor is free. */
export interface SideBySide<S extends SequenceView> {
  /** At least 2. */
  readonly executors: number;
  /** Without a pass; at least 1. */
  readonly executorsFree: number;
  /** Hold a slot and are not to be had now: they are in passes under way, or in the way of one. First come first. */
  readonly busy: readonly S[];
  /** Those of them that are in passes of chunks alone. */
  readonly promptsUnderWay: number;
  /** Prompts among them that are in no pass: they go on once the pass with decodes has ended. */
  readonly held: readonly S[];
  /** What a step is likely to take on so many executors. */
  costOn(executors: number): StepCost;
}

export interface StepLimits {
  /** Tokens of one step, decodes and chunks together. Decodes are never dropped for it: it bounds prefill. */
  readonly tokenBudget: number;
  /** What the model can take at most, for policies with no fixed budget; at least `tokenBudget`. */
  readonly stepTokensMax: number;
  /** As the model says. */
  readonly chunksMax: ModelLimits['chunksMax'];
  /** As the model says; at least 1. */
  readonly chunksAbreast: number;
  /** Tokens that those let in may have copied; the first of them also more. */
  readonly copyTokensMax: number;
  /** As the model says. */
  readonly chunkBlockTokens: ModelLimits['chunkBlockTokens'];
}

/**
 * What to do in one step. A sequence is in at most one of `decodes`, `chunks` and `preempted`. Only one that takes all
 * executors may have more chunks than executors, and only one pass at a time has decodes.
 */
export interface Decision<S extends SequenceView> {
  /** Running, or waiting with all of its prompt copied out: then it gets a slot now. */
  readonly decodes: readonly S[];
  readonly chunks: readonly ChunkDecision<S>[];
  /** Lose slot and memory and go back to the front of the queue, in this order from the front. */
  readonly preempted: readonly S[];
  /** How many it takes of those that are free. Absent: all of them. */
  readonly executors?: number;
}

export interface ChunkDecision<S extends SequenceView> {
  /** Running, or waiting: then it gets a slot now. */
  readonly sequence: S;
  /** Prompt tokens to compute, at least 1. */
  readonly tokens: number;
}

/**
 * Decides what each step computes; an empty decision leaves free executors free until something changes. The same policy with the same past gives the same decision for the same queue, and
 * asking twice changes nothing: time and speed come in the view, never from a clock.
 */
export interface Policy {
  decide<S extends SequenceView>(queue: QueueView<S>): Decision<S>;
  /** What became of a decision. Called after each step, with the sequences as they are after it. */
  observe(step: ObservedStep): void;
}

export interface ObservedStep {
  readonly decision: Decision<SequenceView>;
  /** When the pass was over. */
  readonly endMs: number;
  readonly passMs: number;
  /** Had their last token in this step. */
  readonly ended: readonly SequenceView[];
}

/** A policy without memory. */
export function memoryless(decide: Policy['decide']): Policy {
  return { decide, observe: () => {} };
}

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
