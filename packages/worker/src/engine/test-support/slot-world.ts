import { expect } from 'vitest';
import type { StepCost } from '../cost-model.js';
import type { SlotHolder } from '../kv/slot-holder.js';
import { SlotMemory } from '../kv/slot-memory.js';
import { blocksFor, TOKENS_PER_BLOCK } from '../kv/token-ledger.js';
import type { SlotSpan } from '../step-plan.js';

const CONTEXT_TOKENS = 128;
const NOTHING = -1;
/** So that whatever fits is copied out. */
const dearPasses: StepCost = { predictMs: () => 1e6, marginRatio: 1 };

/** What may happen to a memory. */
export type Act =
  | {
      readonly kind: 'start';
      readonly promptIds: readonly number[];
      readonly computed: number;
      readonly stale: boolean;
    }
  | {
      readonly kind: 'generate' | 'release' | 'fail' | 'preempt' | 'resume' | 'forget' | 'fence' | 'lift';
      readonly which: number;
    };

type Running = SlotHolder & { tokenIds: number[] };

/** The engine around a memory, and a model whose slots are lists of tokens. */
export class SlotWorld {
  readonly memory: SlotMemory;
  readonly copies: { from: number | undefined; to: number | undefined; tokens: number }[] = [];
  readonly prepared: { slot: number; tokens: number }[] = [];
  readonly released: { slot: number; fromToken: number }[] = [];
  readonly #slotsMax: number;
  readonly #blocksMax: number;
  readonly #slots: number[][];
  readonly #running: Running[] = [];
  /** Were preempted. */
  readonly #out: Running[] = [];
  readonly #swapTokensMax: number;
  readonly #chunksRoundAsDecodes: boolean;

  #fence: SlotSpan | undefined;
  /** Of copies from slot to slot, on the world's clock. */
  copyMsPerToken = 0;
  #nowMs = 0;

  constructor(options: {
    slotsMax: number;
    kvTokensMax?: number;
    prefixCache?: boolean;
    swapTokensMax?: number;
    decodesSpanSlots?: boolean;
    chunksRoundAsDecodes?: boolean;
  }) {
    const { slotsMax, kvTokensMax = slotsMax * CONTEXT_TOKENS, prefixCache = true, swapTokensMax = 0 } = options;
    const { decodesSpanSlots = true, chunksRoundAsDecodes = false } = options;
    this.#chunksRoundAsDecodes = chunksRoundAsDecodes;
    this.#slotsMax = slotsMax;
    this.#swapTokensMax = swapTokensMax;
    this.#blocksMax = Math.floor(kvTokensMax / TOKENS_PER_BLOCK);
    this.#slots = Array.from({ length: slotsMax }, () => Array<number>(CONTEXT_TOKENS).fill(NOTHING));
    const limits = {
      vocabularyCount: 24,
      slotsMax,
      contextTokens: CONTEXT_TOKENS,
      stepTokensMax: 64,
      chunksMax: 2,
      chunkBlockTokens: 8,
      decodeTokensMax: 4,
      wantedRowsMax: 64,
      decodesSpanSlots,
    };
    this.memory = new SlotMemory(
      { kvTokensMax, prefixCache, swapBytesMax: swapTokensMax },
      {
        limits,
        copyBytes: (tokens) => tokens,
        // Tokens are small enough for bytes; what a slot holds behind them is gone when they come back.
        copyOut: (slot, tokens) => ({ tokens, bytes: Uint8Array.from(this.#slots[slot]!.slice(0, tokens)) }),
        copyIn: (slot, { tokens, bytes }) => {
          expect(this.#isFenced(slot)).toBe(false);
          this.#slots[slot]!.fill(NOTHING).splice(0, tokens, ...bytes);
        },
        copy: (from, to, tokens) => {
          this.copies.push({ from, to, tokens });
          expect(this.#isFenced(to)).toBe(false);
          this.#nowMs += tokens * this.copyMsPerToken;
          this.#slots[to]!.splice(0, tokens, ...this.#slots[from]!.slice(0, tokens));
        },
        prepare: (slot, tokens) => {
          expect(this.#isFenced(slot)).toBe(false);
          this.prepared.push({ slot, tokens });
          this.#slots[slot]!.fill(NOTHING, 0, tokens);
        },
        release: (slot, fromToken) => {
          this.released.push({ slot, fromToken });
          this.#slots[slot]!.fill(NOTHING, fromToken);
        },
      },
      () => this.#nowMs,
    );
  }

  /** What a sequence would find that waits. */
  lookUp(promptIds: readonly number[]): Running {
    const sequence = holder(promptIds, this.#chunksRoundAsDecodes);
    this.memory.lookUp(sequence);
    return sequence;
  }

  act(act: Act): void {
    if (act.kind === 'start') {
      const sequence = holder(act.promptIds, this.#chunksRoundAsDecodes);
      this.memory.lookUp(sequence);
      // What a look-up found may be gone by the time of the admission.
      if (act.stale && act.promptIds.length >= 18) sequence.computed = act.promptIds.length - 2;
      if (this.memory.slotsFree === 0 || this.memory.blocksFree < blocksFor(sequence.tokens)) return;
      this.#admit(sequence, act.computed);
      return;
    }
    if (act.kind === 'resume' || act.kind === 'forget') {
      const out = this.#out[act.which % Math.max(1, this.#out.length)];
      if (out !== undefined) this.#comeBack(out, act.kind === 'resume');
      return;
    }
    if (act.kind === 'fence' || act.kind === 'lift') {
      const first = act.which % this.#slotsMax;
      this.fence(act.kind === 'lift' ? undefined : { first, last: Math.max(first, Math.floor(act.which / 2)) });
      return;
    }
    const sequence = this.#running[act.which % Math.max(1, this.#running.length)];
    if (sequence === undefined) return;
    if (act.kind === 'preempt') {
      if (!this.memory.isFenced(sequence)) this.#preempt(sequence);
    } else if (act.kind !== 'generate') this.release(sequence, act.kind === 'release');
    else if (this.memory.blocksFree > 0 && sequence.tokens < CONTEXT_TOKENS) this.generate(sequence, [7]);
    if (act.which % 2 === 0 && this.#fence === undefined) this.memory.tidy();
    else this.memory.trim();
  }

  /** A sequence whose prompt is computed up to `computed`. */
  start(promptIds: readonly number[], computed = promptIds.length): Running {
    const sequence = holder(promptIds, this.#chunksRoundAsDecodes);
    this.memory.lookUp(sequence);
    return this.#admit(sequence, computed);
  }

  fence(span: SlotSpan | undefined): void {
    this.#fence = span;
    this.memory.fence(span);
  }

  generate(sequence: Running, tokenIds: readonly number[]): void {
    this.#prefill(sequence, sequence.promptTokens);
    for (const tokenId of tokenIds) {
      sequence.tokenIds.push(tokenId);
      this.memory.grow(sequence);
      this.#slots[sequence.slot!]![sequence.computed] = tokenId;
      sequence.computed += 1;
    }
  }

  release(sequence: SlotHolder, isIntact = true): void {
    const slot = sequence.slot!;
    if (!isIntact) this.#slots[slot]!.fill(NOTHING);
    this.#running.splice(this.#running.indexOf(sequence as Running), 1);
    this.memory.release(sequence, isIntact);
    expect(sequence).toMatchObject({ slot: undefined, blocks: 0, computed: 0 });
  }

  releaseAll(): void {
    for (const sequence of [...this.#out]) this.#comeBack(sequence, false);
    for (const sequence of [...this.#running]) this.release(sequence);
  }

  check(): void {
    const { memory } = this;
    for (const { tokenIds, computed, slot, blocks } of this.#running) {
      expect(this.#slots[slot!]!.slice(0, computed)).toEqual(tokenIds.slice(0, computed));
      expect(blocks).toBeGreaterThanOrEqual(blocksFor(computed));
    }
    for (const { slot, position } of memory.idle) {
      const probe = holder([...this.#slots[slot]!.slice(0, position), 98, 99]);
      memory.lookUp(probe);
      expect(probe.computed).toBe(position);
    }
    const copied = this.#out.reduce((sum, one) => sum + (one.copied?.tokens ?? 0), 0);
    expect(memory.preemptions.swapBytesUsed).toBe(copied);
    expect(copied).toBeLessThanOrEqual(this.#swapTokensMax);
    const slots = [...this.#running, ...memory.idle].map(({ slot }) => slot);
    expect(new Set(slots).size).toBe(slots.length);
    const fenced = Array.from({ length: this.#slotsMax }, (_, slot) => slot).filter((slot) => this.#isFenced(slot));
    const nobodys = fenced.filter((slot) => !this.#running.some((one) => one.slot === slot));
    expect(memory.slotsFree).toBe(this.#slotsMax - this.#running.length - nobodys.length);
    expect(memory.blocksFree).toBe(this.#blocksMax - this.#running.reduce((sum, { blocks }) => sum + blocks, 0));
    const idleBlocks = memory.idle.reduce((sum, { position }) => sum + blocksFor(position), 0);
    expect(idleBlocks).toBeLessThanOrEqual(memory.blocksFree);
  }

  #isFenced(slot: number): boolean {
    return this.#fence !== undefined && this.#fence.first <= slot && slot <= this.#fence.last;
  }

  #preempt(sequence: Running): void {
    const { computed } = sequence;
    this.#running.splice(this.#running.indexOf(sequence), 1);
    this.#out.push(sequence);
    this.memory.preempt(sequence, dearPasses);
    expect(sequence).toMatchObject({
      slot: undefined,
      blocks: 0,
      computed: sequence.copied === undefined ? 0 : computed,
    });
  }

  /** Lets one that was preempted go on, or go. */
  #comeBack(sequence: Running, goesOn: boolean): void {
    const { copied } = sequence;
    if (goesOn && (this.memory.slotsFree === 0 || this.memory.blocksFree < blocksFor(sequence.tokens))) return;
    this.#out.splice(this.#out.indexOf(sequence), 1);
    if (!goesOn) {
      this.memory.forget(sequence);
      return;
    }
    this.memory.lookUp(sequence);
    this.memory.admit(sequence);
    this.#running.push(sequence);
    if (copied !== undefined) expect(sequence.computed).toBe(copied.tokens);
    expect(sequence.copied).toBeUndefined();
    this.#prefill(sequence, sequence.promptTokens);
    for (; sequence.computed < sequence.tokens; sequence.computed++) {
      this.#slots[sequence.slot!]![sequence.computed] = sequence.tokenIds[sequence.computed]!;
    }
  }

  #admit(sequence: Running, computed: number): Running {
    const promised = sequence.computed;
    this.memory.admit(sequence);
    this.#running.push(sequence);
    expect(this.#isFenced(sequence.slot!)).toBe(false);
    expect(sequence.cachedTokens).toBe(sequence.computed);
    expect(sequence.computed).toBeLessThanOrEqual(Math.max(0, sequence.promptTokens - 2));
    // A slice that was to reach the end of the prompt must not end one token before it.
    expect(promised - sequence.computed).not.toBe(1);
    this.#prefill(sequence, computed);
    return sequence;
  }

  #prefill(sequence: SlotHolder, until: number): void {
    for (; sequence.computed < until; sequence.computed++) {
      this.#slots[sequence.slot!]![sequence.computed] = sequence.tokenIds[sequence.computed]!;
    }
    this.memory.wrote(sequence);
  }
}

function holder(promptIds: readonly number[], chunksRoundAsDecodes = false): Running {
  const tokenIds = [...promptIds];
  return {
    promptTokens: promptIds.length,
    tokenIds,
    get tokens() {
      return tokenIds.length;
    },
    get prefillableTokens() {
      return chunksRoundAsDecodes ? tokenIds.length : promptIds.length;
    },
    computed: 0,
    copyTokens: 0,
    reusableTokens: Number.POSITIVE_INFINITY,
    blocks: 0,
    slot: undefined,
    cachedTokens: undefined,
    copied: undefined,
  };
}
