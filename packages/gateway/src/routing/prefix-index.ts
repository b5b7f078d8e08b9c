import { assert } from '@sluice/shared';
import type { WorkerId } from './policy.js';
import { BLOCK_BYTES, type PromptBlocks } from './prompt-blocks.js';

/** Bytes that an entry takes with its share of the buckets, at most. */
const ENTRY_BYTES = 32;
/** No entry: the end of a chain or of a list. */
const NONE = 0;
/** A worker that kept less than it was thought to is thought to keep this much of it; one that kept it, a little more. */
const SHRINK = 0.8;
const GROW = 1.02;
const GROW_UNEXPECTED = 1.25;

/** What the index believes of one start of a worker. */
interface Holder {
  readonly id: WorkerId;
  readonly epoch: string;
  /** Stands for it in entries; never used again, so that entries of a holder that is gone mean nobody. */
  readonly number: number;
  /** Blocks of prompts sent to it so far; wraps at 2^32. */
  clock: number;
  /** Blocks sent since a block was last used, beyond which the worker has most likely dropped it. */
  keepsBlocks: number;
  readonly keepsBlocksMax: number;
}

/**
 * Which beginnings of prompts each worker likely has cached, from what was sent where. Entries (a block, a worker) lie in
 * flat arrays of a size given at the start, found by the block's hash and listed by use; a new one takes the place of the
 * one that was used longest ago, whichever worker's it is.
 *
 *   bucket ─▶ entry ─▶ entry          by hash; the same block has an entry for each worker that has it
 *   oldest ◀─▶ entry ◀─▶ … newest     by use; a prompt's later blocks are older, so that beginnings stay
 *
 * Workers say with each finished request how much was really cached, and {@link correct} learns from it how much they
 * keep. What is wrong here costs time and never an answer.
 */
export class PrefixIndex {
  readonly bytesMax: number;
  readonly #entriesMax: number;
  readonly #buckets: Uint32Array; // [power of two], first entry of a chain
  readonly #low: Int32Array; // [entriesMax + 1], entry 0 unused, like all below
  readonly #high: Int32Array;
  readonly #holder: Uint32Array;
  readonly #usedAt: Uint32Array; // the holder's clock when it was last sent
  readonly #next: Uint32Array; // in the bucket's chain
  readonly #older: Uint32Array;
  readonly #newer: Uint32Array;
  readonly #holders = new Map<WorkerId, Holder>();
  readonly #byNumber = new Map<number, Holder>();
  #holdersEver = 0;
  #entries = 0;
  #oldest = NONE;
  #newest = NONE;

  /** @param bytesMax of all workers together, at least 64 KiB; taken as it fills. */
  constructor(bytesMax: number) {
    assert(bytesMax >= 2 ** 16 && bytesMax <= 2 ** 36, `a prefix index of ${bytesMax} bytes`);
    this.bytesMax = bytesMax;
    this.#entriesMax = Math.floor(bytesMax / ENTRY_BYTES) - 1;
    const length = this.#entriesMax + 1;
    this.#buckets = new Uint32Array(2 ** Math.floor(Math.log2(length)));
    this.#low = new Int32Array(length);
    this.#high = new Int32Array(length);
    this.#holder = new Uint32Array(length);
    this.#usedAt = new Uint32Array(length);
    this.#next = new Uint32Array(length);
    this.#older = new Uint32Array(length);
    this.#newer = new Uint32Array(length);
  }

  /** Blocks of prompts, each once for each worker that is believed to have it. */
  get entries(): number {
    return this.#entries;
  }

  /** Of {@link bytesMax}. */
  get bytes(): number {
    return this.#entries * ENTRY_BYTES;
  }

  /** Those attached, each with its epoch. */
  get workers(): ReadonlyMap<WorkerId, { readonly epoch: string }> {
    return this.#holders;
  }

  /**
   * Says which start of a worker prompts go to; another epoch has an empty cache.
   * @param keepsBytesMax bytes of prompts that it could keep at most.
   */
  attach(id: WorkerId, epoch: string, keepsBytesMax: number): void {
    if (this.#holders.get(id)?.epoch === epoch) return;
    this.forget(id);
    const keepsBlocksMax = Math.ceil(keepsBytesMax / BLOCK_BYTES);
    const number = ++this.#holdersEver;
    const holder: Holder = { id, epoch, number, clock: 0, keepsBlocks: keepsBlocksMax, keepsBlocksMax };
    this.#holders.set(id, holder);
    this.#byNumber.set(number, holder);
  }

  /** Its entries mean nobody from now on, and go as they are the oldest. O(1). */
  forget(id: WorkerId): void {
    const holder = this.#holders.get(id);
    if (holder === undefined) return;
    this.#holders.delete(id);
    this.#byNumber.delete(holder.number);
  }

  /**
   * How many blocks of a prompt's beginning each worker likely has, for workers that have any. O(entries of its blocks),
   * from the last block back until every worker is found.
   */
  match(blocks: PromptBlocks): Map<WorkerId, number> {
    const found = new Map<WorkerId, number>();
    for (let block = blocks.count - 1; block >= 0 && found.size < this.#holders.size; block--) {
      const low = blocks.low[block]!;
      const high = blocks.high[block]!;
      for (let entry = this.#buckets[this.#bucketOf(low)]!; entry !== NONE; entry = this.#next[entry]!) {
        if (this.#low[entry] !== low || this.#high[entry] !== high) continue;
        const holder = this.#byNumber.get(this.#holder[entry]!);
        if (holder === undefined || found.has(holder.id)) continue;
        if ((holder.clock - this.#usedAt[entry]!) >>> 0 <= holder.keepsBlocks) found.set(holder.id, block + 1);
      }
    }
    return found;
  }

  /** A prompt goes to a worker, which will have it cached. Nothing where the worker is not attached. */
  record(id: WorkerId, blocks: PromptBlocks): void {
    const holder = this.#holders.get(id);
    if (holder === undefined) return;
    holder.clock = (holder.clock + blocks.count) >>> 0;
    // Backwards, so that the first block is the newest of them.
    for (let block = blocks.count - 1; block >= 0; block--) {
      const low = blocks.low[block]!;
      const high = blocks.high[block]!;
      let entry = this.#find(low, high, holder.number);
      if (entry === NONE) entry = this.#insert(low, high, holder.number);
      else this.#unlist(entry);
      this.#usedAt[entry] = holder.clock;
      this.#listAsNewest(entry);
    }
  }

  /**
   * What a worker really had of a prompt that was sent to it.
   * @param expected blocks that {@link match} gave for it.
   * @param actual blocks, about.
   */
  correct(id: WorkerId, expected: number, actual: number): void {
    const holder = this.#holders.get(id);
    if (holder === undefined) return;
    if (actual < expected / 2) holder.keepsBlocks = Math.floor(holder.keepsBlocks * SHRINK);
    else if (actual >= 1) {
      const grown = holder.keepsBlocks * (expected === 0 ? GROW_UNEXPECTED : GROW) + actual;
      holder.keepsBlocks = Math.min(holder.keepsBlocksMax, Math.ceil(grown));
    }
  }

  #find(low: number, high: number, holder: number): number {
    let entry = this.#buckets[this.#bucketOf(low)]!;
    while (
      entry !== NONE &&
      (this.#low[entry] !== low || this.#high[entry] !== high || this.#holder[entry] !== holder)
    ) {
      entry = this.#next[entry]!;
    }
    return entry;
  }

  #insert(low: number, high: number, holder: number): number {
    const entry = this.#entries < this.#entriesMax ? ++this.#entries : this.#evict();
    const bucket = this.#bucketOf(low);
    this.#low[entry] = low;
    this.#high[entry] = high;
    this.#holder[entry] = holder;
    this.#next[entry] = this.#buckets[bucket]!;
    this.#buckets[bucket] = entry;
    return entry;
  }

  /** The place of the oldest entry, now in no chain and in no list. */
  #evict(): number {
    const evicted = this.#oldest;
    this.#unlist(evicted);
    const bucket = this.#bucketOf(this.#low[evicted]!);
    let entry = this.#buckets[bucket]!;
    if (entry === evicted) this.#buckets[bucket] = this.#next[evicted]!;
    else {
      while (this.#next[entry] !== evicted) entry = this.#next[entry]!;
      this.#next[entry] = this.#next[evicted]!;
    }
    return evicted;
  }

  #bucketOf(low: number): number {
    return low & (this.#buckets.length - 1);
  }

  #listAsNewest(entry: number): void {
    this.#older[entry] = this.#newest;
    this.#newer[entry] = NONE;
    if (this.#newest === NONE) this.#oldest = entry;
    else this.#newer[this.#newest] = entry;
    this.#newest = entry;
  }

  #unlist(entry: number): void {
    const older = this.#older[entry]!;
    const newer = this.#newer[entry]!;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }
}
