import { assert } from '@sluice/shared';
import { noWork, type StepCost, withChunk, withDecode } from '../cost-model.js';
import type { CopiedTokens, ModelPort } from '../model-port.js';
import { CopyRate } from './copy-rate.js';

/** Milliseconds a byte, before anything was copied: into memory that the system has to commit first. */
const PRIOR_MS_PER_BYTE = 2e-6;
/** A sequence, as far as its copy is concerned. The fields that are not readonly are written here alone. */
export interface SwapHolder {
  /** Tokens at its beginning that a chunk gives the bits that they have: its prompt, or all that there are. */
  readonly prefillableTokens: number;
  /** Tokens in its slot. */
  readonly computed: number;
  readonly slot: number | undefined;
  /** What it had in its slot when it lost it; undefined: nothing was kept, or it runs. */
  copied: CopiedTokens | undefined;
}

/**
 * Keys and values of sequences that lost their slots, in bounded memory beside the slots. A sequence comes back from it
 * with the same bits and goes on where it was; one that has no copy computes its prompt again and puts its generated
 * tokens back, one a step where they are not {@link SwapHolder.prefillableTokens}.
 *
 *   in its slot ──copyOut──▶ out ──copyIn──▶ in its slot
 *                             └───drop────▶ gone
 */
export class SwapSpace {
  readonly bytesMax: number;
  readonly #model: Pick<ModelPort, 'copyBytes' | 'copyOut' | 'copyIn'>;
  readonly #nowMs: () => number;
  readonly #outRate = new CopyRate(PRIOR_MS_PER_BYTE);
  readonly #inRate = new CopyRate(PRIOR_MS_PER_BYTE);
  #bytesHeld = 0;

  /** @param bytesMax of all copies together; 0: none is ever made. */
  constructor(bytesMax: number, model: Pick<ModelPort, 'copyBytes' | 'copyOut' | 'copyIn'>, nowMs: () => number) {
    this.bytesMax = bytesMax;
    this.#model = model;
    this.#nowMs = nowMs;
  }

  get bytesHeld(): number {
    return this.#bytesHeld;
  }

  /**
   * Copies a running sequence's tokens out of its slot, if there is room and both ways together take less time than
   * computing them again. Only between passes; some 10 to 100 ms for 1,000 tokens of the default model.
   */
  copyOut(sequence: SwapHolder, cost: StepCost): boolean {
    assert(sequence.slot !== undefined && sequence.copied === undefined, 'what is in a slot is copied out once');
    const tokens = sequence.computed;
    const bytes = this.#model.copyBytes(tokens);
    if (tokens === 0 || this.#bytesHeld + bytes > this.bytesMax) return false;
    if (this.#outRate.predictMs(bytes) + this.#inRate.predictMs(bytes) >= recomputeMs(sequence, cost)) {
      this.#outRate.doubt();
      this.#inRate.doubt();
      return false;
    }
    const startMs = this.#nowMs();
    const copied = this.#tryCopy(sequence.slot, tokens);
    if (copied === undefined) return false;
    this.#outRate.observe(bytes, this.#nowMs() - startMs);
    sequence.copied = copied;
    this.#bytesHeld += bytes;
    return true;
  }

  /** Puts a sequence's copy into its new slot, if it has one. Only between passes. */
  copyIn(sequence: SwapHolder): void {
    const { slot, copied } = sequence;
    if (copied === undefined) return;
    assert(slot !== undefined, 'a copy goes into a slot');
    const startMs = this.#nowMs();
    this.#model.copyIn(slot, copied);
    this.#inRate.observe(this.#model.copyBytes(copied.tokens), this.#nowMs() - startMs);
    this.drop(sequence);
  }

  /** Nobody needs a sequence's copy any more, if it has one. */
  drop(sequence: SwapHolder): void {
    if (sequence.copied === undefined) return;
    this.#bytesHeld -= this.#model.copyBytes(sequence.copied.tokens);
    sequence.copied = undefined;
  }

  /** Undefined where the machine has no room for it, whatever the bound: then it is computed again. */
  #tryCopy(slot: number, tokens: number): CopiedTokens | undefined {
    try {
      return this.#model.copyOut(slot, tokens);
    } catch (failure) {
      if (failure instanceof RangeError) return undefined;
      throw failure;
    }
  }
}

/** Milliseconds to put back what a sequence has in its slot: what it can in one pass, then a pass for each token. */
export function recomputeMs({ computed, prefillableTokens }: SwapHolder, cost: StepCost): number {
  const prompt = Math.min(computed, prefillableTokens);
  const generated = computed - prompt;
  const decodeMs = cost.predictMs(withDecode(noWork, prompt + generated / 2));
  return cost.predictMs(withChunk(noWork, 0, prompt)) + generated * decodeMs;
}
