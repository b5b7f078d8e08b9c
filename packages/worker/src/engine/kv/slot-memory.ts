import type { LoadState } from '@sluice/shared';
import type { StepCost } from '../cost-model.js';
import type { ModelPort } from '../model-port.js';
import type { RestingSlot, SlotSpan } from '../step-plan.js';
import { CopyRate, withTimedCopies } from './copy-rate.js';
import { PrefixCache, type PrefixHit } from './prefix-cache.js';
import { type SlotHolder, slotOf } from './slot-holder.js';
import { SlotStore } from './slot-store.js';
import { SwapSpace } from './swap-space.js';
import { blocksFor, TOKENS_PER_BLOCK } from './token-ledger.js';

export type { SlotHolder } from './slot-holder.js';

/** Waiting sequences that are looked up anew when the cache has changed; others when they come near. */
const LOOK_UPS_MAX = 64;

/** Tokens of a prompt that are always computed: the last one's logits are needed, and none may be alone (policy.ts). */
export const COMPUTED_TOKENS_MIN = 2;

/** What copies between two passes may take together; a single one may take longer. */
const COPIES_MS_MAX = 2;
/** Milliseconds a byte from slot to slot, before anything was copied: memory that is in use already. */
const PRIOR_MS_PER_BYTE = 2e-7;

export interface SlotMemoryOptions {
  /** Tokens that all slots together may hold, cached ones included. */
  readonly kvTokensMax: number;
  /** Whether prompts are kept for later ones that begin alike. */
  readonly prefixCache: boolean;
  /** Of the copies that preempted sequences leave behind; 0: none. */
  readonly swapBytesMax: number;
}

/**
 * Which sequence has which slot and how much memory, and what it finds there.
 *
 * A hit is a copy from slot to slot, or no copy at all where the idle slot has nothing else to lose: a chat's next turn
 * goes on in the slot of the turn before. Only what a prefill computes to the same bits is kept: generated tokens are not
 * where they went through a decode lane, which rounds otherwise. With the cache a request gets the same bits as without.
 */
export class SlotMemory {
  readonly #model: Pick<ModelPort, 'copy' | 'copyBytes'>;
  readonly #copyRate = new CopyRate(PRIOR_MS_PER_BYTE);
  readonly #swap: SwapSpace;
  readonly #cache: PrefixCache | undefined;
  readonly #slots: SlotStore;
  #lookedUpVersion = 0;
  #preemptionsCopied = 0;
  #preemptionsRecomputed = 0;

  /** @param nowMs of any clock: copies are timed. */
  constructor(options: SlotMemoryOptions, model: Omit<ModelPort, 'forward' | 'stop' | 'close'>, nowMs: () => number) {
    const timed = withTimedCopies(model, this.#copyRate, nowMs);
    this.#model = timed;
    this.#swap = new SwapSpace(options.swapBytesMax, model, nowMs);
    this.#cache = options.prefixCache ? new PrefixCache() : undefined;
    this.#slots = new SlotStore(model.limits, options.kvTokensMax, this.#cache, timed);
  }

  /** Whether a prompt is found again. */
  get keepsPrompts(): boolean {
    return this.#cache !== undefined;
  }

  get slotsMax(): number {
    return this.#slots.slotsMax;
  }

  /** Free or idle, and outside the fence. */
  get slotsFree(): number {
    return this.#slots.slotsFree;
  }

  /** As {@link SlotStore.fence}. */
  fence(span: SlotSpan | undefined): void {
    this.#slots.fence(span);
  }

  /** Whether a pass under way may write into a sequence's slot without computing anything of it. */
  isFenced(sequence: SlotHolder): boolean {
    return this.#slots.isFenced(slotOf(sequence));
  }

  get blocksMax(): number {
    return this.#slots.blocksMax;
  }

  /** Free, or held by idle slots. */
  get blocksFree(): number {
    return this.#slots.blocksFree;
  }

  /** Tokens that should be copied between two passes at most; a single copy may be longer. At least 1. */
  get copyTokensMax(): number {
    const blockMs = this.#copyRate.predictMs(this.#model.copyBytes(TOKENS_PER_BLOCK));
    return Math.max(1, Math.floor((TOKENS_PER_BLOCK * COPIES_MS_MAX) / blockMs));
  }

  /** Held by sequences. */
  get tokensUsed(): number {
    return (this.blocksMax - this.blocksFree) * TOKENS_PER_BLOCK;
  }

  get tokensMax(): number {
    return this.#slots.tokensMax;
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
    sequence.slot = this.#slots.take(source);
    if (hit !== undefined && hit.slot !== sequence.slot) {
      this.#model.copy(hit.slot, sequence.slot, hit.tokens);
      if (source!.isSpent) this.#slots.giveUp(hit.slot);
    }
    this.#hold(sequence, needed, hit?.slot);
    this.#swap.copyIn(sequence);
    this.wrote(sequence);
  }

  /** Memory for one more token. */
  grow(sequence: SlotHolder): void {
    const needed = blocksFor(sequence.computed + 1);
    if (needed > sequence.blocks) this.#hold(sequence, needed, undefined);
  }

  /**
   * Memory for so many tokens behind those it has computed, as far as nobody else will soon need it. Returns for how many
   * there is room.
   */
  stretch(sequence: SlotHolder, tokens: number): number {
    const missing = blocksFor(sequence.computed + tokens) - sequence.blocks;
    // One block stays for each that may grow in the next step.
    const spare = Math.min(missing, this.blocksFree - this.slotsMax);
    if (spare > 0) this.#hold(sequence, sequence.blocks + spare, undefined);
    return Math.min(tokens, sequence.blocks * TOKENS_PER_BLOCK - sequence.computed);
  }

  /** A slice of the sequence's prompt has been computed: from now on others can have it. */
  wrote(sequence: SlotHolder): void {
    const slot = slotOf(sequence);
    this.#cache?.hold(slot, sequence.tokenIds, keptTokens(sequence));
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
    const tokens = isIntact ? keptTokens(sequence) : 0;
    // Others find what it has generated from now on: it has not been told token by token.
    if (tokens > sequence.promptTokens) this.wrote(sequence);
    this.#slots.leave(slotOf(sequence), tokens);
    sequence.slot = undefined;
    sequence.blocks = 0;
    sequence.computed = 0;
  }

  /** As {@link SlotStore.trim}. */
  trim(): boolean {
    return this.#slots.trim();
  }

  /** As {@link SlotStore.tidy}. */
  tidy(): boolean {
    return this.#slots.tidy();
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

  /** Memory for so many blocks in all, for which idle prompts go if need be, but for that of one slot. */
  #hold(sequence: SlotHolder, blocks: number, except: number | undefined): void {
    this.#slots.reserve(slotOf(sequence), blocks, except);
    sequence.blocks = blocks;
  }
}

/** Tokens in its slot that others may find there. */
function keptTokens({ computed, prefillableTokens }: SlotHolder): number {
  return Math.min(computed, prefillableTokens);
}
