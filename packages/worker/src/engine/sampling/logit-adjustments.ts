import type { SamplingParams } from '../sequence.js';

/** Tokens that cannot come before so many others have. */
export interface HeldTokens {
  readonly tokenIds: ReadonlySet<number>;
  readonly tokensMin: number;
}

/**
 * Penalties and biases of one sequence: they change the logits of few tokens, those that occurred and those the caller
 * named, so they are kept as that set and never as a row of the vocabulary.
 */
export class LogitAdjustments {
  readonly #params: SamplingParams;
  readonly #generatedCounts = new Map<number, number>();
  readonly #inPrompt: ReadonlySet<number>;
  /** Every token whose logit may change. */
  readonly #touched = new Set<number>();
  readonly #penalizesGenerated: boolean;
  readonly #held: HeldTokens | undefined;
  #generated = 0;

  constructor(params: SamplingParams, promptIds: readonly number[], held?: HeldTokens) {
    this.#held = held;
    for (const tokenId of held?.tokenIds ?? []) this.#touched.add(tokenId);
    this.#params = params;
    this.#penalizesGenerated =
      params.repetitionPenalty !== 1 || params.presencePenalty !== 0 || params.frequencyPenalty !== 0;
    for (const tokenId of params.logitBias.keys()) this.#touched.add(tokenId);
    // Only repetition is held against the prompt too.
    this.#inPrompt = new Set(params.repetitionPenalty === 1 ? [] : promptIds);
    for (const tokenId of this.#inPrompt) this.#touched.add(tokenId);
  }

  /** Tokens whose logit differs from the model's; empty for most requests. */
  get touched(): ReadonlySet<number> {
    return this.#touched;
  }

  /** Whether a request with these parameters ever changes a logit. */
  static any(params: SamplingParams): boolean {
    return (
      params.repetitionPenalty !== 1 ||
      params.presencePenalty !== 0 ||
      params.frequencyPenalty !== 0 ||
      params.logitBias.size > 0
    );
  }

  addGenerated(tokenId: number): void {
    this.#generated += 1;
    if (!this.#penalizesGenerated) return;
    this.#generatedCounts.set(tokenId, (this.#generatedCounts.get(tokenId) ?? 0) + 1);
    this.#touched.add(tokenId);
  }

  /** The logit after bias, repetition penalty (CTRL, Keskar et al. 2019), presence and frequency penalties (OpenAI). */
  adjust(tokenId: number, logit: number): number {
    if (!this.#touched.has(tokenId)) return logit;
    if (this.#held !== undefined && this.#generated < this.#held.tokensMin && this.#held.tokenIds.has(tokenId)) {
      return Number.NEGATIVE_INFINITY;
    }
    const { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias } = this.#params;
    const bias = logitBias.get(tokenId) ?? 0;
    const count = this.#generatedCounts.get(tokenId) ?? 0;
    const biased = logit + bias;
    const occurred = count > 0 || this.#inPrompt.has(tokenId);
    const repeated = !occurred ? biased : biased > 0 ? biased / repetitionPenalty : biased * repetitionPenalty;
    return repeated - (count > 0 ? presencePenalty : 0) - frequencyPenalty * count;
  }
}
