import type { ModelPort } from '../model-port.js';
import { RunningMedian } from '../running-median.js';
import { blocksFor, TOKENS_PER_BLOCK } from './token-ledger.js';

/** Written ahead at most, or such a share of what all slots may hold, if that is less. */
const AHEAD_BYTES_MAX = 100 * 2 ** 20;
const AHEAD_SHARE = 1 / 2;
/** The next sequence is thought to take no more than such a share of so many of late, */
const ENOUGH_FOR = 3 / 4;
const SEQUENCES_MAX = 32;
/** which begin with some that take this. */
const FIRST_SEQUENCES = 16;
const FIRST_TOKENS = 256;

/**
 * The system commits a slot's pages as they are first written, which takes a prompt's pass longer than writing them; and
 * pages that hold nothing any more are memory that somebody else may want. So an engine that has nothing to do gives back
 * what holds nothing, but for the beginnings of the slots that the next sequences will get: those it writes ahead, each as
 * far as most sequences of late have come.
 */
export class SlotPages {
  readonly #model: Pick<ModelPort, 'prepare' | 'release'>;
  readonly #blocksMax: number;
  readonly #aheadBlocksMax: number;
  /** By slot: blocks that its sequence or its cached prompt is counted with. */
  readonly #held: Int32Array;
  /** By slot: the most blocks that were ever written since its pages were last given back. */
  readonly #written: Int32Array;
  /** Blocks of sequences that are gone. */
  readonly #gone = new RunningMedian(SEQUENCES_MAX);

  /** @param blocksMax that all slots together may hold. */
  constructor(
    slotsMax: number,
    blocksMax: number,
    contextTokens: number,
    model: Pick<ModelPort, 'copyBytes' | 'prepare' | 'release'>,
  ) {
    this.#model = model;
    this.#blocksMax = blocksMax;
    this.#aheadBlocksMax = Math.min(AHEAD_BYTES_MAX / model.copyBytes(TOKENS_PER_BLOCK), AHEAD_SHARE * blocksMax);
    this.#held = new Int32Array(slotsMax);
    this.#written = new Int32Array(slotsMax);
    const firstBlocks = blocksFor(Math.min(FIRST_TOKENS, contextTokens));
    for (let count = 0; count < FIRST_SEQUENCES; count++) this.#gone.add(firstBlocks);
  }

  /** Blocks that a slot is counted with. */
  held(slot: number): number {
    return this.#held[slot]!;
  }

  /** From now on a slot is counted with so many, all of which may be written. */
  hold(slot: number, blocks: number): void {
    this.#held[slot] = blocks;
    this.#written[slot] = Math.max(this.#written[slot]!, blocks);
  }

  /** A slot's sequence is gone, with all that the slot is counted with. */
  leave(slot: number): void {
    this.#gone.add(this.#held[slot]!);
  }

  /**
   * Beside a pass: gives the pages of one slot back once more is written than all may hold. Not sooner: pages that are soon
   * written again are dearer than pages that stay. Some milliseconds for a thousand tokens. False when there was nothing to
   * give.
   */
  trim(): boolean {
    const blocksWritten = this.#written.reduce((sum, blocks) => sum + blocks, 0);
    return blocksWritten > this.#blocksMax && this.#giveBack(this.#held);
  }

  /**
   * While the engine has nothing to do: gives the pages of one slot back that hold nothing and will not soon, or writes
   * those of one that will. As long as {@link trim}. False when there was nothing to do.
   */
  tidy(): boolean {
    const wanted = this.#wanted();
    return this.#giveBack(wanted) || this.#writeAhead(wanted);
  }

  /** By slot: blocks that should be written, for what is in it or, lowest free slots first, for what will be. */
  #wanted(): Int32Array {
    const each = this.#gone.quantile(ENOUGH_FOR);
    let left = this.#aheadBlocksMax;
    return this.#held.map((held) => {
      if (held > 0 || left < each) return held;
      left -= each;
      return each;
    });
  }

  /** Of the slot that has most. */
  #giveBack(wanted: Int32Array): boolean {
    let excessMax = 0;
    let slotMax = -1;
    for (const [slot, written] of this.#written.entries()) {
      const excess = written - wanted[slot]!;
      if (excess <= excessMax) continue;
      excessMax = excess;
      slotMax = slot;
    }
    if (slotMax < 0) return false;
    const kept = wanted[slotMax]!;
    this.#model.release(slotMax, kept * TOKENS_PER_BLOCK);
    this.#written[slotMax] = kept;
    return true;
  }

  #writeAhead(wanted: Int32Array): boolean {
    const slot = this.#written.findIndex((written, one) => written < wanted[one]!);
    if (slot < 0) return false;
    const blocks = wanted[slot]!;
    this.#model.prepare(slot, blocks * TOKENS_PER_BLOCK);
    this.#written[slot] = blocks;
    return true;
  }
}
