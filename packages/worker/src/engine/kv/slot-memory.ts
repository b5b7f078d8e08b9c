import { assert, type LoadState } from '@sluice/shared';
import type { StepCost } from '../cost-model.js';
import type { ModelPort } from '../model-port.js';
import type { RestingSlot } from '../step-plan.js';
import { CopyRate, withTimedCopies } from './copy-rate.js';
import { type IdlePrompt, PrefixCache, type PrefixHit } from './prefix-cache.js';
import { SlotTable } from './slot-table.js';
import { type SwapHolder, SwapSpace } from './swap-space.js';
import { blocksFor, TOKENS_PER_BLOCK, TokenLedger } from './token-ledger.js';

/** Waiting sequences that are looked up anew when the cache has changed; others when they come near. */
const LOOK_UPS_MAX = 64;

/** Tokens of a prompt that are always computed: the last one's logits are needed, and none may be alone (policy.ts). */
export const COMPUTED_TOKENS_MIN = 2;

/** A slot between running ones costs about as much over a sequence's life as copying so many tokens. */
const HOLE_TOKENS = 1_024;

/** What copies between two passes may take together; a single one may take longer. */
const COPIES_MS_MAX = 2;
/** Milliseconds a byte from slot to slot, before anything was copied: memory that is in use already. */
const PRIOR_MS_PER_BYTE = 2e-7;

const noIdle: ReadonlyMap<number, IdlePrompt> = new Map();

/** Where a sequence finds its beginning. */
interface Source extends PrefixHit {
  /** Nothing else in the slot will be kept. */
  readonly isSpent: boolean;
}

/** A sequence, as far as its memory is concerned. The fields that are not readonly are written here alone. */
export interface SlotHolder extends SwapHolder {
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

export interface SlotMemoryOptions {
  /** Tokens that all slots together may hold, cached ones included. */
  readonly kvTokensMax: number;
  /** Whether prompts are kept for later ones that begin alike. */
  readonly prefixCache: boolean;
  /** Of the copies that preempted sequences leave behind; 0: none. */
  readonly swapBytesMax: number;
}

/**
 * Who has which slot and how much memory. A slot is free, or a sequence's, or idle: kept for the prompt in it, and as good
 * as free, since it is given up as soon as somebody needs the slot or the memory.
 *
 * A hit is a copy from slot to slot, or no copy at all where the idle slot has nothing else to lose: a chat's next turn
 * goes on in the slot of the turn before. Only what prefill has computed is kept, because generated tokens went through
 * the decode lane, which rounds otherwise: with the cache a request gets the same bits as without.
 */
export class SlotMemory {
  readonly #model: Pick<ModelPort, 'copy' | 'copyBytes' | 'release'>;
  readonly #copyRate = new CopyRate(PRIOR_MS_PER_BYTE);
  readonly #swap: SwapSpace;
  readonly #slots: SlotTable;
  readonly #ledger: TokenLedger;
  readonly #cache: PrefixCache | undefined;
  /** By slot: blocks that its sequence or its cached prompt is counted with. */
  readonly #blocks: Int32Array;
  /** By slot: the most blocks that were ever written since its pages were last given back. */
  readonly #written: Int32Array;
  #lookedUpVersion = 0;
  #preemptionsCopied = 0;
  #preemptionsRecomputed = 0;

  /** @param nowMs of any clock: copies are timed. */
  constructor(options: SlotMemoryOptions, model: Omit<ModelPort, 'forward' | 'stop' | 'close'>, nowMs: () => number) {
    const { slotsMax } = model.limits;
    this.#model = withTimedCopies(model, this.#copyRate, nowMs);
    this.#swap = new SwapSpace(options.swapBytesMax, model, nowMs);
    this.#slots = new SlotTable(slotsMax);
    this.#ledger = new TokenLedger(options.kvTokensMax);
    this.#cache = options.prefixCache ? new PrefixCache() : undefined;
    this.#blocks = new Int32Array(slotsMax);
    this.#written = new Int32Array(slotsMax);
  }

  /** Whether a prompt is found again. */
  get keepsPrompts(): boolean {
    return this.#cache !== undefined;
  }

  get slotsMax(): number {
    return this.#slots.slotsMax;
  }

  /** Free or idle. */
  get slotsFree(): number {
    return this.#slots.freeCount + (this.#cache?.idleCount ?? 0);
  }

  get blocksMax(): number {
    return this.#ledger.blocksMax;
  }

  /** Free, or held by idle slots. */
  get blocksFree(): number {
    return this.#ledger.blocksFree + (this.#cache?.idleBlocks ?? 0);
  }

  /** Tokens that should be copied between two passes at most; a single copy may be longer. At least 1. */
  get copyTokensMax(): number {
    return Math.max(1, Math.floor(COPIES_MS_MAX / this.#copyRate.predictMs(this.#model.copyBytes(1))));
  }

  /** Held by sequences. */
  get tokensUsed(): number {
    return (this.blocksMax - this.blocksFree) * TOKENS_PER_BLOCK;
  }

  get tokensMax(): number {
    return this.#ledger.tokensMax;
  }

  /** Sequences that lost their slots up to now, and what the copies of those that wait take. */
  get preemptions(): Pick<LoadState, 'preemptionsCopied' | 'preemptionsRecomputed' | 'swapBytesUsed'> {
    return {
      preemptionsCopied: this.#preemptionsCopied,
      preemptionsRecomputed: this.#preemptionsRecomputed,
      swapBytesUsed: this.#swap.bytesHeld,
    };
  }

  /** Idle slots, for the plan: passes must leave them as they are. */
  get idle(): RestingSlot[] {
    const idle: RestingSlot[] = [];
    for (const [slot, { tokens }] of this.#cache?.idle ?? []) idle.push({ slot, position: tokens });
    return idle;
  }

  /** Finds out what waiting sequences would find in the cache; costs nothing where nothing has changed since. */
  lookUpAll(waiting: readonly SlotHolder[]): void {
    if (this.#cache === undefined || this.#cache.version === this.#lookedUpVersion) return;
    this.#lookedUpVersion = this.#cache.version;
    for (let index = 0; index < Math.min(waiting.length, LOOK_UPS_MAX); index++) this.lookUp(waiting[index]!);
  }

  /** What a sequence would find in the cache goes into its `computed`. About 1 ms for a million tokens. */
  lookUp(sequence: SlotHolder): void {
    const found = sequence.copied === undefined ? this.#find(sequence, sequence.promptTokens) : undefined;
    sequence.computed = sequence.copied?.tokens ?? found?.tokens ?? 0;
    const goesOnInPlace = found !== undefined && this.#hasNothingElse(found);
    sequence.copyTokens = goesOnInPlace ? 0 : sequence.computed;
  }

  /**
   * Gives a waiting sequence a slot, memory for all its tokens, and its own copy or else what the cache has of its prompt,
   * up to what its last look-up found: the policy counted on that. Copies at most two prompts now, at about a hundredth of
   * computing them.
   */
  admit(sequence: SlotHolder): void {
    const needed = blocksFor(sequence.tokens);
    const hit = sequence.copied === undefined ? this.#hit(sequence) : undefined;
    sequence.computed = sequence.copied?.tokens ?? hit?.tokens ?? 0;
    sequence.cachedTokens ??= sequence.computed;
    const source = hit === undefined ? undefined : { ...hit, isSpent: this.#isSpent(hit, needed) };
    if (hit !== undefined) this.#cache!.touch(hit.slot);
    sequence.slot = this.#chooseSlot(source);
    this.#vacate(sequence.slot, source);
    this.#slots.take(sequence.slot);
    if (hit !== undefined && hit.slot !== sequence.slot) {
      this.#model.copy(hit.slot, sequence.slot, hit.tokens);
      if (source!.isSpent) this.#giveUp(hit.slot);
    }
    this.#makeRoom(needed, hit?.slot);
    this.#ledger.take(needed);
    this.#setBlocks(sequence, needed);
    this.#swap.copyIn(sequence);
    this.wrote(sequence);
  }

  /** Memory for one more token. */
  grow(sequence: SlotHolder): void {
    const missing = blocksFor(sequence.computed + 1) - sequence.blocks;
    if (missing <= 0) return;
    this.#makeRoom(missing, undefined);
    this.#ledger.take(missing);
    this.#setBlocks(sequence, sequence.blocks + missing);
  }

  /**
   * Memory for so many tokens behind those it has computed, as far as nobody else will soon need it. Returns for how many
   * there is room.
   */
  stretch(sequence: SlotHolder, tokens: number): number {
    const missing = blocksFor(sequence.computed + tokens) - sequence.blocks;
    // One block stays for each that may grow in the next step.
    const spare = Math.min(missing, this.blocksFree - this.slotsMax);
    if (spare > 0) {
      this.#makeRoom(spare, undefined);
      this.#ledger.take(spare);
      this.#setBlocks(sequence, sequence.blocks + spare);
    }
    return Math.min(tokens, sequence.blocks * TOKENS_PER_BLOCK - sequence.computed);
  }

  /** A slice of the sequence's prompt has been computed: from now on others can have it. */
  wrote(sequence: SlotHolder): void {
    const slot = slotOf(sequence);
    this.#cache?.hold(slot, sequence.tokenIds, Math.min(sequence.computed, sequence.promptTokens));
  }

  /**
   * Takes slot and memory from a sequence that will go on later. What it has computed is copied out, or has to be computed
   * again where that is cheaper or there is no room.
   */
  preempt(sequence: SlotHolder, cost: StepCost): void {
    const isCopied = this.#swap.copyOut(sequence, cost);
    this.release(sequence, true);
    if (sequence.copied !== undefined) sequence.computed = sequence.copied.tokens;
    if (isCopied) this.#preemptionsCopied += 1;
    else this.#preemptionsRecomputed += 1;
  }

  /** A sequence that waits will not go on. */
  forget(sequence: SlotHolder): void {
    this.#swap.drop(sequence);
  }

  /** Takes slot and memory from a sequence. `isIntact`: its slot holds what it should, and may be kept for others. */
  release(sequence: SlotHolder, isIntact: boolean): void {
    const slot = slotOf(sequence);
    const kept = isIntact ? Math.min(sequence.computed, sequence.promptTokens) : 0;
    this.#ledger.free(sequence.blocks);
    sequence.slot = undefined;
    sequence.blocks = 0;
    sequence.computed = 0;
    this.#blocks[slot] = 0;
    const useless = this.#cache?.leave(slot, kept) ?? [slot];
    if (!useless.includes(slot)) {
      this.#blocks[slot] = blocksFor(kept);
      this.#ledger.take(this.#blocks[slot]!);
    }
    for (const one of useless) this.#freeSlot(one);
  }

  /**
   * Gives the pages of one slot back to the system that were written and hold nothing now. While the engine works, only
   * once more is written than may be held: pages that are soon written again are dearer than pages that stay. May run
   * beside a pass; some milliseconds for a thousand tokens. False when there was nothing to give.
   */
  trim(isEngineIdle: boolean): boolean {
    let excessMax = 0;
    let slotMax = -1;
    let blocksWritten = 0;
    for (let slot = 0; slot < this.slotsMax; slot++) {
      const written = this.#written[slot]!;
      const excess = written - this.#blocks[slot]!;
      blocksWritten += written;
      if (excess <= excessMax) continue;
      excessMax = excess;
      slotMax = slot;
    }
    if (slotMax < 0 || (!isEngineIdle && blocksWritten <= this.blocksMax)) return false;
    const kept = this.#blocks[slotMax]!;
    this.#model.release(slotMax, kept * TOKENS_PER_BLOCK);
    this.#written[slotMax] = kept;
    return true;
  }

  /** What the last look-up found, or what is left of it after others were let in. */
  #hit(sequence: SlotHolder): PrefixHit | undefined {
    const hit = this.#find(sequence, sequence.computed);
    // The policy may have decided on the whole rest of the prompt: one token less found would leave one behind alone.
    return hit?.tokens === sequence.computed - 1 ? this.#find(sequence, hit.tokens - 1) : hit;
  }

  #find(sequence: SlotHolder, tokensMax: number): PrefixHit | undefined {
    const reusable = Math.min(sequence.reusableTokens, sequence.promptTokens - COMPUTED_TOKENS_MIN);
    return this.#cache?.find(sequence.tokenIds, Math.min(tokensMax, reusable));
  }

  /** Whether an idle slot's prompt is of no use beside the sequence that finds its beginning in it, or has no room. */
  #isSpent(hit: PrefixHit, needed: number): boolean {
    const tokens = this.#cache!.idle.get(hit.slot)?.tokens;
    if (tokens === undefined) return false;
    return this.#hasNothingElse(hit) || this.slotsFree === 1 || this.blocksFree - blocksFor(tokens) < needed;
  }

  /** Whether the slot is idle, with a prompt that ends where the hit does. */
  #hasNothingElse({ slot, tokens }: PrefixHit): boolean {
    const idle = this.#cache!.idle.get(slot);
    return idle !== undefined && idle.tokens - tokens < TOKENS_PER_BLOCK;
  }

  /**
   * The free or idle slot that costs least. Decodes span from the lowest to the highest running slot, and every slot
   * between them costs a little in each step; against that stand tokens that have to be copied now: the beginning that
   * was found, and the prompt that is kept in the slot and has to go elsewhere.
   */
  #chooseSlot(source: Source | undefined): number {
    const idle = this.#cache?.idle ?? noIdle;
    const [lowest, highest] = this.#runningSpan();
    const oldest = this.#slots.freeCount > 0 ? undefined : this.#cache?.oldest(source?.slot);
    let best = -1;
    let bestTokens = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < this.slotsMax; slot++) {
      const prompt = idle.get(slot);
      if (prompt === undefined && !this.#slots.isFree(slot)) continue;
      const holes = highest < 0 ? 0 : Math.max(0, lowest - slot, slot - highest);
      let tokens = holes * HOLE_TOKENS;
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
      if (this.#slots.isFree(slot) || this.#cache?.idle.has(slot) === true) continue;
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
    const oldest = this.#cache!.oldest(source?.slot);
    if (isSpent || (this.#slots.freeCount === 0 && (oldest === undefined || oldest === slot))) {
      this.#giveUp(slot);
      return;
    }
    if (this.#slots.freeCount === 0) this.#giveUp(oldest!);
    const target = this.#slots.take();
    this.#model.copy(slot, target, prompt.tokens);
    this.#cache!.move(slot, target);
    this.#blocks[target] = this.#blocks[slot]!;
    this.#written[target] = Math.max(this.#written[target]!, this.#blocks[target]!);
    this.#blocks[slot] = 0;
    this.#slots.free(slot);
  }

  #makeRoom(blocks: number, except: number | undefined): void {
    while (this.#ledger.blocksFree < blocks) {
      const oldest = this.#cache?.oldest(except);
      assert(oldest !== undefined, 'the policy counted on memory that nobody can give up');
      this.#giveUp(oldest);
    }
  }

  #giveUp(slot: number): void {
    this.#cache!.forget(slot);
    this.#freeSlot(slot);
  }

  #freeSlot(slot: number): void {
    this.#ledger.free(this.#blocks[slot]!);
    this.#blocks[slot] = 0;
    this.#slots.free(slot);
  }

  #setBlocks(sequence: SlotHolder, blocks: number): void {
    const slot = slotOf(sequence);
    sequence.blocks = blocks;
    this.#blocks[slot] = blocks;
    this.#written[slot] = Math.max(this.#written[slot]!, blocks);
  }
}

/** The slot of a sequence that runs. */
export function slotOf(sequence: Pick<SlotHolder, 'slot'>): number {
  assert(sequence.slot !== undefined, 'a running sequence holds a slot');
  return sequence.slot;
}
