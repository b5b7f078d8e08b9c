import { assert } from '@sluice/shared';
import type { SwapHolder } from './swap-space.js';

/** A sequence, as far as its memory is concerned. The fields that are not readonly are written by `SlotMemory` alone. */
export interface SlotHolder extends SwapHolder {
  /** What it prefills, behind which it decodes. */
  readonly promptTokens: number;
  readonly tokens: number;
  readonly tokenIds: readonly number[];
  /** Tokens at the beginning of its prompt that may come out of the cache. */
  readonly reusableTokens: number;
  /** Tokens in its slot; while it waits, those that it would find there or brings back. */
  computed: number;
  blocks: number;
  /** While it waits: tokens that are copied into its slot when it is let in, as far as one can tell. */
  copyTokens: number;
  /** Undefined while it waits. */
  slot: number | undefined;
  /** Tokens of its prompt that were in the cache when it was first let in. */
  cachedTokens: number | undefined;
}

/** The slot of a sequence that runs. */
export function slotOf(sequence: Pick<SlotHolder, 'slot'>): number {
  assert(sequence.slot !== undefined, 'a running sequence holds a slot');
  return sequence.slot;
}
