import type { ModelPort } from '../../engine/model-port.js';
import type { LogitsRow, LogitsWant, StepPlan } from '../../engine/step-plan.js';

export interface Act {
  readonly slot: number;
  readonly tokenIds: readonly number[];
}

/** What is done in one pass: a few tokens each of `decodes`, a slice each of `chunks`. */
export interface Pass {
  readonly decodes?: readonly Act[];
  readonly chunks?: readonly Act[];
}

/** A row of logits that outlives its pass, with what its sequence was when the row was computed. */
export interface KeptRow extends LogitsRow {
  readonly context: readonly number[];
}

/** Runs passes on a model and keeps book of what is in its slots; every token's row is wanted. */
export class SlotDriver {
  readonly #model: ModelPort;
  readonly #want: LogitsWant;
  readonly #slots: number[][];
  /** Slots of passes that run. */
  readonly #inPass = new Set<number>();

  constructor(model: ModelPort, want: LogitsWant = { temperatures: [] }) {
    this.#model = model;
    this.#want = want;
    this.#slots = Array.from({ length: model.limits.slotsMax }, () => []);
  }

  /** What is in a slot. */
  context(slot: number): readonly number[] {
    return this.#slots[slot]!;
  }

  free(slot: number): void {
    this.#slots[slot] = [];
  }

  /** The first `tokens` of a slot become all that another one holds, or itself. */
  copy(from: number, to: number, tokens: number): void {
    if (from !== to) this.#model.copy(from, to, tokens);
    this.#slots[to] = this.#slots[from]!.slice(0, tokens);
  }

  /** Gives back the memory behind what a slot holds. */
  release(slot: number): void {
    this.#model.release(slot, this.#slots[slot]!.length);
  }

  /**
   * The rows in the order of the plan.
   * @param executors as of `ModelPort.forward`: with it, several may run side by side.
   */
  async run({ decodes = [], chunks = [] }: Pass, executors?: number): Promise<KeptRow[]> {
    const named = new Set([...decodes, ...chunks].map(({ slot }) => slot));
    const plan: StepPlan = {
      decodes: decodes.map(({ slot, tokenIds }) => ({
        slot,
        tokenIds,
        position: this.context(slot).length,
        want: this.#want,
        wantTokens: tokenIds.length,
      })),
      chunks: chunks.map(({ slot, tokenIds }) => ({
        slot,
        tokenIds,
        position: this.context(slot).length,
        want: this.#want,
        wantTokens: tokenIds.length,
      })),
      resting: this.#slots.flatMap((tokens, slot) =>
        tokens.length === 0 || named.has(slot) || this.#inPass.has(slot) ? [] : [{ slot, position: tokens.length }],
      ),
    };
    const contexts: number[][] = [];
    for (const { slot, tokenIds } of [...decodes, ...chunks]) {
      for (const tokenId of tokenIds) {
        this.#slots[slot]!.push(tokenId);
        contexts.push([...this.#slots[slot]!]);
      }
    }
    for (const slot of named) this.#inPass.add(slot);
    try {
      const { rows } = await (executors === undefined
        ? this.#model.forward(plan)
        : this.#model.forward(plan, executors));
      return rows.map((row, index) => ({ ...row, logits: row.logits.slice(), context: contexts[index]! }));
    } finally {
      for (const slot of named) this.#inPass.delete(slot);
    }
  }
}
