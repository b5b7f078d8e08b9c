import { noWork, type StepWork, withDecode } from '../cost-model.js';
import { blocksFor } from '../kv/token-ledger.js';
import { type ChunkDecision, chunkTokens, type Decision, type QueueView, type SequenceView } from './policy.js';

/** Share of the memory kept free when a new sequence is let in, so that running ones can grow. */
const WATERMARK = 0.01;

export interface DraftRules {
  /** Let a sequence in only when it and all that run could grow to their most tokens; then nobody is ever preempted. */
  readonly reservesWhole?: boolean;
  /** Give no slice to a prompt that the step cannot finish, unless nobody else has one. */
  readonly wholePrompts?: boolean;
}

/**
 * A decision in the making. Policies say who comes in which order; this keeps count of memory, slots and lanes, and of the
 * rules that bind all of them: a prompt's memory is taken when it is let in, so chunks never fail for it; decodes take a
 * block when they grow into it, and where none is free somebody has to go.
 */
export class StepDraft<S extends SequenceView> {
  readonly decodes: S[] = [];
  readonly chunks: ChunkDecision<S>[] = [];
  readonly preempted: S[] = [];
  readonly #queue: QueueView<S>;
  readonly #rules: DraftRules;
  readonly #running: ReadonlySet<S>;
  /** Waited until now. */
  readonly #letInNow = new Set<S>();
  #blocksFree: number;
  #slotsFree: number;
  #prefillTokens = 0;
  #copiedTokens = 0;
  #isShort = false;

  constructor(queue: QueueView<S>, rules: DraftRules = {}) {
    this.#queue = queue;
    this.#rules = rules;
    this.#running = new Set(queue.running);
    this.#blocksFree = queue.blocksFree;
    this.#slotsFree = queue.slotsFree;
  }

  /** On all executors that are free. */
  get decision(): Decision<S> {
    return { decodes: this.decodes, chunks: this.chunks, preempted: this.preempted };
  }

  /** What the decodes are to the cost model. */
  get decodeWork(): StepWork {
    return this.decodes.reduce((work, { computed }) => withDecode(work, computed), noWork);
  }

  /** Tokens of the chunks so far. */
  get prefillTokens(): number {
    return this.#prefillTokens;
  }

  /**
   * Adds the decodes of these running sequences; where memory runs out, the last of them go first. Then come those that
   * were copied out behind their prompts: as long as the next of those that wait is one, and fits.
   */
  decodeAll(order: readonly S[], waiting: readonly S[]): void {
    const kept = [...order];
    for (let index = 0; index < kept.length; index++) {
      const sequence = kept[index]!;
      if (isPrompt(sequence)) continue;
      const missing = Math.max(0, blocksFor(sequence.computed + 1) - sequence.blocks);
      while (missing > this.#blocksFree && kept.length > index) {
        this.#isShort = true;
        this.preempt(kept.pop()!);
      }
      if (kept.length === index) return;
      this.#blocksFree -= missing;
      this.decodes.push(sequence);
    }
    for (const sequence of waiting) {
      if (this.#isShort || isPrompt(sequence) || !this.#copiesSoon(sequence) || !this.fits(sequence)) return;
      this.#resume(sequence);
    }
  }

  /** Takes slot and memory from a running sequence that is not part of the step yet. */
  preempt(sequence: S): void {
    this.preempted.unshift(sequence);
    this.#blocksFree += sequence.blocks;
    this.#slotsFree += 1;
  }

  /** Running sequences whose prompts are under way. */
  get prompts(): S[] {
    return this.#queue.running.filter((sequence) => isPrompt(sequence) && !this.preempted.includes(sequence));
  }

  /** Whom {@link prefill} would give chunks in this order, if all had tokens enough. Changes nothing. */
  nextOf(order: readonly S[], chunksMax: number): S[] {
    const trial = this.#copy();
    trial.prefill(order, () => Number.POSITIVE_INFINITY, chunksMax);
    return trial.chunks.map(({ sequence }) => sequence);
  }

  /**
   * Gives prompts, running or waiting, their chunks in this order until tokens or lanes run out. Who cannot be let in
   * holds back those that wait behind it, but nobody who runs. Nobody comes in while somebody had to go for memory: it
   * would only take what was just freed.
   * @param room tokens that the next chunk may have.
   */
  prefill(order: readonly S[], room: (sequence: S) => number, chunksMax = this.#queue.limits.chunksMax): void {
    const { chunkBlockTokens } = this.#queue.limits;
    let isClosed = this.#isShort;
    for (const sequence of order) {
      if (this.chunks.length === chunksMax) return;
      if (this.#letInNow.has(sequence)) continue;
      const isNew = !this.#running.has(sequence);
      // It would have come with the decodes, had it been first in the queue. Here it waits for that, unless nobody runs.
      if (isNew && !isPrompt(sequence) && !isClosed && this.#isEmpty && this.fits(sequence)) {
        this.#resume(sequence);
        continue;
      }
      if (isNew && (isClosed || !isPrompt(sequence) || !this.#copiesSoon(sequence) || !this.fits(sequence))) {
        isClosed = true;
        continue;
      }
      const left = sequence.promptTokens - sequence.computed;
      const most = Math.min(room(sequence), sequence.chunkTokensMax);
      if (this.#rules.wholePrompts === true && most < left && this.chunks.length > 0) return;
      const tokens = chunkTokens(left, Math.max(0, most), chunkBlockTokens);
      if (tokens === 0) return;
      this.chunks.push({ sequence, tokens });
      this.#prefillTokens += tokens;
      if (isNew) this.#letIn(sequence);
    }
  }

  /**
   * Whether there is a slot and memory for a sequence that waits.
   * @param leaving a running one whose place it could have.
   */
  fits(sequence: S, leaving?: S): boolean {
    const freed = leaving?.blocks ?? 0;
    if (this.#slotsFree + (leaving === undefined ? 0 : 1) === 0) return false;
    const { running, blocksMax, beside } = this.#queue;
    const others = [...running, ...(beside?.busy ?? []), ...this.#letInNow].filter(
      (one) => one !== leaving && !this.preempted.includes(one),
    );
    if (this.#blocksFree + freed - blocksFor(sequence.tokens) < this.#reserve(sequence, others)) return false;
    if (this.#rules.reservesWhole !== true) return true;
    const promised = others.reduce((sum, { tokensMax }) => sum + blocksFor(tokensMax), 0);
    return promised + blocksFor(sequence.tokensMax) <= blocksMax;
  }

  /**
   * Blocks that stay free when a sequence comes in beside others, so that it does not soon go again: one for each that
   * may still need one, and a share of the memory. 0 when it would be alone: it fits then, or was refused.
   */
  #reserve(sequence: S, others: readonly S[]): number {
    if (others.length === 0) return 0;
    const growing = [...others, sequence].filter((one) => blocksFor(one.tokensMax) > blocksFor(one.tokens)).length;
    return Math.max(growing, Math.floor(this.#queue.blocksMax * WATERMARK));
  }

  /** Everybody waits for copies: one of any length, or as many as take little time. */
  #copiesSoon({ copyTokens }: S): boolean {
    const tokens = this.#copiedTokens + copyTokens;
    return copyTokens === 0 || this.#copiedTokens === 0 || tokens <= this.#queue.limits.copyTokensMax;
  }

  #copy(): StepDraft<S> {
    const copy = new StepDraft(this.#queue, this.#rules);
    copy.decodes.push(...this.decodes);
    copy.chunks.push(...this.chunks);
    copy.preempted.push(...this.preempted);
    for (const sequence of this.#letInNow) copy.#letInNow.add(sequence);
    copy.#blocksFree = this.#blocksFree;
    copy.#slotsFree = this.#slotsFree;
    copy.#prefillTokens = this.#prefillTokens;
    copy.#copiedTokens = this.#copiedTokens;
    copy.#isShort = this.#isShort;
    return copy;
  }

  get #isEmpty(): boolean {
    return this.#running.size + this.#letInNow.size + (this.#queue.beside?.busy.length ?? 0) === 0;
  }

  #resume(sequence: S): void {
    this.#letIn(sequence);
    this.decodes.push(sequence);
  }

  #letIn(sequence: S): void {
    this.#letInNow.add(sequence);
    this.#copiedTokens += sequence.copyTokens;
    this.#slotsFree -= 1;
    this.#blocksFree -= blocksFor(sequence.tokens);
  }
}

export function isPrompt({ computed, promptTokens }: SequenceView): boolean {
  return computed < promptTokens;
}
