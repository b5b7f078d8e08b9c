import type { StepOutput, StepPlan } from './step-plan.js';

/** What the engine needs of a model. Its key-value slots are the model's own; the engine only names them. */
export interface ModelPort {
  readonly limits: ModelLimits;

  /**
   * One forward pass, off the JS thread. One at a time. After it, keys and values of the plan's tokens are in their
   * slots, written in place; positions at and behind a slot's length hold garbage that nothing reads.
   * @throws (rejects) when the runtime refuses the pass; slots that decode or prefill in it are then undefined.
   */
  forward(plan: StepPlan): Promise<StepOutput>;

  /**
   * Asks the pass that runs to end before its next operator; if it does, `forward` rejects. Nothing when none runs.
   * Returns at once.
   */
  stop(): void;

  /** Copies the keys and values of the first `tokens` positions of a slot to another one. Only between passes. */
  copy(fromSlot: number, toSlot: number, tokens: number): void;

  /** Bytes that {@link copyOut} takes for so many tokens. */
  copyBytes(tokens: number): number;

  /**
   * Copies the keys and values of the first `tokens` positions of a slot out of it. Only between passes.
   * @throws RangeError where the machine has no room for them.
   */
  copyOut(slot: number, tokens: number): CopiedTokens;

  /** Puts them into a slot, whatever was there, as they were. Only between passes. */
  copyIn(slot: number, copied: CopiedTokens): void;

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
  /** Wanted rows of one pass. */
  readonly wantedRowsMax: number;
  /** Length of a token's hidden state; absent: passes give none. */
  readonly embeddingLength?: number;
}
