import type { StepOutput, StepPlan } from './step-plan.js';

/** What the engine needs of a model. Its key-value slots are the model's own; the engine only names them. */
export interface ModelPort {
  readonly limits: ModelLimits;

  /** Passes that can run side by side now, at least 1: it may grow while sessions open. Absent: 1. */
  readonly executors?: number;

  /**
   * One forward pass, off the JS thread. After it, keys and values of the plan's tokens are in their slots, written in
   * place; positions at and behind a slot's length hold garbage that nothing reads. What it gives is valid until its
   * executors run the next one.
   *
   * Passes may run side by side where there are executors for them: one with decodes at most, and none that computes a chunk
   * in a slot which the one with decodes found in the span of its own (step-plan.ts).
   * @param executors how many it takes of those that are free, at least 1 and not all; absent: all, and then it runs alone.
   * @throws (rejects) when the runtime refuses the pass; slots that decode or prefill in it are then undefined.
   */
  forward(plan: StepPlan, executors?: number): Promise<StepOutput>;

  /**
   * The hidden states of {@link forward} may be in coordinates of the model's choosing: makes of one, or of a sum of several,
   * what the head's own norm gives. In place. Absent: they are that.
   * @param state [embeddingLength]
   */
  turnBack?(state: Float64Array): Float64Array;

  /**
   * Asks the pass that runs this plan to end before its next operator; if it does, `forward` rejects. Nothing when none
   * does. Returns at once.
   */
  stop(plan: StepPlan): void;

  /**
   * Copies the keys and values of the first `tokens` positions of a slot to another one. No pass may write what is read, or
   * have the other slot in its span.
   */
  copy(fromSlot: number, toSlot: number, tokens: number): void;

  /** Bytes that {@link copyOut} takes for so many tokens. */
  copyBytes(tokens: number): number;

  /**
   * Copies the keys and values of the first `tokens` positions of a slot out of it. No pass may have it in its span.
   * @throws RangeError where the machine has no room for them.
   */
  copyOut(slot: number, tokens: number): CopiedTokens;

  /** Puts them into a slot, whatever was there, as they were. No pass may have it in its span. */
  copyIn(slot: number, copied: CopiedTokens): void;

  /**
   * A slot that holds nothing will soon be written: the memory of its first `tokens` positions may be had from the system
   * now, rather than in a pass. No pass may have it in its span.
   */
  prepare(slot: number, tokens: number): void;

  /**
   * The positions of a slot from `fromToken` on are not needed: their memory may go back to the system until they are
   * written anew. Also while a pass runs.
   */
  release(slot: number, fromToken: number): void;

  /** Frees the native memory. No pass may be running. */
  close(): void;
}

/** Keys and values outside the slots, to be put back by the model that gave them. */
export interface CopiedTokens {
  readonly tokens: number;
  /** In the model's own layout. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ModelLimits {
  readonly vocabularyCount: number;
  /** Sequences that can hold keys and values at the same time. */
  readonly slotsMax: number;
  /** Tokens of one slot. */
  readonly contextTokens: number;
  /** Tokens of one pass, decodes and chunks together. */
  readonly stepTokensMax: number;
  /** Prefill chunks of one pass, of any lengths. */
  readonly chunksMax: number;
  /**
   * Prefill chunks that the model computes side by side where that is quicker, which it can be where they are as many and
   * end together. A pass may have so many, even if that is more than `chunksMax`. Absent: 1, each waits for the others.
   */
  readonly chunksAbreast?: number;
  /**
   * Attention computes a chunk in blocks of so many tokens, at least 4. A chunk that leaves one token for the last block
   * is computed right, but rounded otherwise than the same tokens in other chunks.
   */
  readonly chunkBlockTokens: number;
  /** Tokens of one decode row in a pass without chunks, at least 1; beside chunks each has one. */
  readonly decodeTokensMax: number;
  /**
   * Whether decodes go through lanes that span slots. Then a pass writes into slots between those that it decodes (`spanOf`
   * in step-plan.ts), which nobody else may have to do with, and rows stand idle, which takes some time. Absent: they do.
   */
  readonly decodesSpanSlots?: boolean;
  /**
   * Whether a token has the same bits in a chunk and decoded. Then what was generated is computed again in chunks, as a prompt
   * is, and found again by others. Absent: it has not.
   */
  readonly chunksRoundAsDecodes?: boolean;
  /** Wanted rows of one pass. */
  readonly wantedRowsMax: number;
  /** Length of a token's hidden state; absent: passes give none. */
  readonly embeddingLength?: number;
}
