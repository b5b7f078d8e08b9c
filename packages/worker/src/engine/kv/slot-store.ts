import { assert } from '@sluice/shared';
import type { ModelLimits, ModelPort } from '../model-port.js';
import type { SlotSpan } from '../step-plan.js';
import type { IdlePrompt, PrefixCache, PrefixHit } from './prefix-cache.js';
import { SlotPages } from './slot-pages.js';
import { SlotTable } from './slot-table.js';
import { blocksFor, TokenLedger } from './token-ledger.js';

/** A slot that decodes span costs about as much over a sequence's life as copying so many tokens. */
const HOLE_TOKENS = 1_024;

const noIdle: ReadonlyMap<number, IdlePrompt> = new Map();

/** Where a sequence finds its beginning. */
export interface Source extends PrefixHit {
  /** Nothing else in the slot will be kept. */
  readonly isSpent: boolean;
}

/**
 * The slots and the memory behind them. A slot is free, or taken by a sequence, or idle: kept for the prompt in it, and as
 * good as free, since it is given up as soon as somebody needs the slot or the memory.
 *
 *   free ──take──▶ taken ──leave──▶ idle ──giveUp──▶ free
 *                    └─────leave────▶ free
 */
export class SlotStore {
  readonly #model: Pick<ModelPort, 'copy'>;
  readonly #holeTokens: number;
  readonly #cache: PrefixCache | undefined;
  readonly #table: SlotTable;
  readonly #ledger: TokenLedger;
  readonly #pages: SlotPages;
  #fence: SlotSpan | undefined;

  /** @param cache knows the idle slots; undefined: none is ever kept. */
  constructor(
    limits: Pick<ModelLimits, 'slotsMax' | 'contextTokens' | 'decodesSpanSlots'>,
    kvTokensMax: number,
    cache: PrefixCache | undefined,
    model: Pick<ModelPort, 'copy' | 'copyBytes' | 'prepare' | 'release'>,
  ) {
    const { slotsMax, contextTokens, decodesSpanSlots = true } = limits;
    this.#model = model;
    this.#holeTokens = decodesSpanSlots ? HOLE_TOKENS : 0;
    this.#cache = cache;
    this.#table = new SlotTable(slotsMax);
    this.#ledger = new TokenLedger(kvTokensMax);
    this.#pages = new SlotPages(slotsMax, this.#ledger.blocksMax, contextTokens, model);
  }

  get slotsMax(): number {
    return this.#table.slotsMax;
  }

  /** Free or idle, and outside the fence. */
  get slotsFree(): number {
    let slots = this.#table.freeCount + (this.#cache?.idleCount ?? 0);
    if (this.#fence === undefined) return slots;
    const idle = this.#cache?.idle ?? noIdle;
    for (let slot = this.#fence.first; slot <= this.#fence.last; slot++) {
      if (this.#table.isFree(slot) || idle.has(slot)) slots -= 1;
    }
    return slots;
  }

  /** From now on slots of the span are nobody's to have, because a pass may write into those between its own. */
  fence(span: SlotSpan | undefined): void {
    this.#fence = span;
  }

  /** Whether a pass under way may write into a slot that is not part of it. */
  isFenced(slot: number): boolean {
    return this.#fence !== undefined && this.#fence.first <= slot && slot <= this.#fence.last;
  }

  get blocksMax(): number {
    return this.#ledger.blocksMax;
  }

  /** Free, or held by idle slots. */
  get blocksFree(): number {
    return this.#ledger.blocksFree + (this.#cache?.idleBlocks ?? 0);
  }

  get tokensMax(): number {
    return this.#ledger.tokensMax;
  }

  /** The slot that costs a sequence least, without memory yet. What was kept in it moves elsewhere, or is given up. */
  take(source: Source | undefined): number {
    const slot = this.#choose(source);
    this.#vacate(slot, source);
    this.#table.take(slot);
    return slot;
  }

  /** Counts a taken slot with so many blocks in all, at least those it has. Idle slots go for it, but for `except`. */
  reserve(slot: number, blocks: number, except: number | undefined): void {
    const missing = blocks - this.#pages.held(slot);
    while (this.#ledger.blocksFree < missing) {
      const oldest = this.#cache?.oldest(except);
      assert(oldest !== undefined, 'the policy counted on memory that nobody can give up');
      this.giveUp(oldest);
    }
    this.#count(slot, blocks);
  }

  /** A slot's sequence is gone. Its first tokens are kept where they are of use; 0: there is nothing to keep. */
  leave(slot: number, tokensKept: number): void {
    this.#pages.leave(slot);
    const useless = this.#cache?.leave(slot, tokensKept) ?? [slot];
    if (!useless.includes(slot)) this.#count(slot, blocksFor(tokensKept));
    for (const one of useless) this.#free(one);
  }

  /** Nobody will find an idle slot's prompt any more. */
  giveUp(slot: number): void {
    this.#cache!.forget(slot);
    this.#free(slot);
  }

  /** As {@link SlotPages.trim}. */
  trim(): boolean {
    return this.#pages.trim();
  }

  /** As {@link SlotPages.tidy}. */
  tidy(): boolean {
    return this.#pages.tidy();
  }

  /**
   * The free or idle slot that costs least. Where decodes span from the lowest to the highest running slot, every slot
   * between them costs a little in each step; against that stand tokens that have to be copied now: the beginning that
   * was found, and the prompt that is kept in the slot and has to go elsewhere.
   */
  #choose(source: Source | undefined): number {
    const idle = this.#cache?.idle ?? noIdle;
    const [lowest, highest] = this.#runningSpan();
    const oldest = this.#table.freeCount > 0 ? undefined : this.#cache?.oldest(source?.slot);
    let best = -1;
    let bestTokens = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < this.slotsMax; slot++) {
      const prompt = idle.get(slot);
      if ((prompt === undefined && !this.#table.isFree(slot)) || this.isFenced(slot)) continue;
      const holes = highest < 0 ? 0 : Math.max(0, lowest - slot, slot - highest);
      let tokens = holes * this.#holeTokens;
      if (source !== undefined && slot !== source.slot) tokens += source.tokens;
      const isLost = slot === oldest || (slot === source?.slot && source.isSpent);
      if (prompt !== undefined && !isLost) tokens += prompt.tokens;
      if (tokens >= bestTokens) continue;
      best = slot;
      bestTokens = tokens;
    }
    assert(best >= 0, 'the policy counted on a slot that nobody can give up');
    return best;
  }

  /** Lowest and highest slot of a running sequence; the highest is -1 when there is none. */
  #runningSpan(): [lowest: number, highest: number] {
    let lowest = this.slotsMax;
    let highest = -1;
    for (let slot = 0; slot < this.slotsMax; slot++) {
      if (this.#table.isFree(slot) || this.#cache?.idle.has(slot) === true) continue;
      lowest = Math.min(lowest, slot);
      highest = slot;
    }
    return [lowest, highest];
  }

  /** Makes a slot free. An idle one's prompt moves to a free slot, or to that of the prompt that was of least use. */
  #vacate(slot: number, source: Source | undefined): void {
    const prompt = this.#cache?.idle.get(slot);
    if (prompt === undefined) return;
    const isSpent = slot === source?.slot && source.isSpent;
    const target = isSpent ? undefined : (this.#lowestFree() ?? this.#emptied(slot, source));
    if (target === undefined) {
      this.giveUp(slot);
      return;
    }
    this.#table.take(target);
    this.#model.copy(slot, target, prompt.tokens);
    this.#cache!.move(slot, target);
    const blocks = this.#pages.held(slot);
    this.#free(slot);
    this.#count(target, blocks);
  }

  /** The slot of the prompt that is of least use, given up for one that lies in `slot` if that is of more. */
  #emptied(slot: number, source: Source | undefined): number | undefined {
    const oldest = this.#table.freeCount > 0 ? undefined : this.#cache!.oldest(source?.slot);
    if (oldest === undefined || oldest === slot || this.isFenced(oldest)) return undefined;
    this.giveUp(oldest);
    return oldest;
  }

  /** Outside the fence. */
  #lowestFree(): number | undefined {
    for (let slot = 0; slot < this.slotsMax; slot++) {
      if (this.#table.isFree(slot) && !this.isFenced(slot)) return slot;
    }
    return undefined;
  }

  #free(slot: number): void {
    this.#count(slot, 0);
    this.#table.free(slot);
  }

  /** In the slot and in the ledger. */
  #count(slot: number, blocks: number): void {
    const more = blocks - this.#pages.held(slot);
    if (more > 0) this.#ledger.take(more);
    else this.#ledger.free(-more);
    this.#pages.hold(slot, blocks);
  }
}
