import type { StepCost } from '../cost-model.js';
import type { LiveSequence } from '../live-sequence.js';
import type { ModelLimits } from '../model-port.js';
import { chooseDrafts } from './choose-drafts.js';
import { NgramDrafter } from './ngram-drafter.js';

/** Whether tokens are guessed. Those that are known or bound to come are taken together in any case. */
export const speculationModes = ['ngram', 'off'] as const;
export type SpeculationMode = (typeof speculationModes)[number];

/** Passes with drafts after which the cost model knows what they take. */
const TRIAL_PASSES = 8;
/** With more sequences in a step they are not tried out: there they hardly ever pay. */
const TRIAL_ROWS = 2;

/**
 * Decides which decodes of a step take further tokens along, and counts how that went. The text is the same with drafts
 * and without: each token of a draft is sampled as if it had not been guessed, and the first that differs ends the row.
 */
export class Speculation {
  readonly #mode: SpeculationMode;
  readonly #limits: ModelLimits;
  #drafted = 0;
  #accepted = 0;
  #passes = 0;
  #wrong = 0;
  /** Of the step that was planned last: those whose drafts are bound to come. */
  readonly #forced = new Set<LiveSequence>();

  constructor(mode: SpeculationMode, limits: ModelLimits) {
    this.#mode = mode;
    this.#limits = limits;
  }

  /** Since the start. Known tokens that were put back are no guesses, nor is text that a grammar leaves no choice about. */
  get counts(): { readonly tokensDrafted: number; readonly tokensAccepted: number } {
    return { tokensDrafted: this.#drafted, tokensAccepted: this.#accepted };
  }

  /**
   * Of each decode of a step without chunks: what may follow its next token, at best the model's most less one.
   * @param promptsWaiting as {@link chooseDrafts} takes it.
   */
  choose(decodes: readonly LiveSequence[], cost: StepCost, promptsWaiting: number): readonly (readonly number[])[] {
    const { decodeTokensMax, stepTokensMax, wantedRowsMax, decodesSpanSlots = true } = this.#limits;
    this.#forced.clear();
    if (decodeTokensMax === 1 || decodes.length === 0) return decodes.map(() => []);
    const rows = decodes.map((sequence) => this.#row(sequence, decodeTokensMax - 1));
    const tokensMax = Math.min(stepTokensMax, wantedRowsMax) - decodes.length;
    const isTrial = this.#passes < TRIAL_PASSES && decodes.length <= TRIAL_ROWS;
    const counts = chooseDrafts(rows, cost, { tokensMax, promptsWaiting, isTrial, decodesSpanSlots });
    return rows.map(({ tokenIds }, index) => tokenIds.slice(0, counts[index]));
  }

  /**
   * A row has been committed.
   * @param drafted drafts that were computed, of which the first `accepted` were right.
   * @param cameIds all tokens that it gave.
   */
  observe(sequence: LiveSequence, drafted: number, accepted: number, cameIds: readonly number[]): void {
    if (!this.#forced.has(sequence)) {
      this.#drafted += drafted;
      this.#accepted += accepted;
    }
    this.#wrong += drafted - accepted;
    if (drafted > 0) this.#passes += 1;
    sequence.drafter?.observe(cameIds);
  }

  /** Drafts that were not kept since the last call. */
  takeWrong(): number {
    const wrong = this.#wrong;
    this.#wrong = 0;
    return wrong;
  }

  #row(sequence: LiveSequence, most: number): { position: number; tokenIds: readonly number[]; chances: number[] } {
    const { computed: position, tokens, tokensMax } = sequence;
    const known = sequence.tokenIds.slice(position + 1, position + 1 + most);
    const certain = (tokenIds: readonly number[]) => ({ position, tokenIds, chances: tokenIds.map(() => 1) });
    if (position + 1 + known.length < tokens) return certain(known);
    // The row behind the last draft gives a token too, so the last one that may come is none.
    const draftsMax = Math.min(most - known.length, tokensMax - tokens - 1);
    const forced = sequence.forcedTokens(draftsMax);
    if (forced.length > 0) {
      this.#forced.add(sequence);
      return certain([...known, ...forced]);
    }
    if (this.#mode === 'ngram') sequence.drafter ??= new NgramDrafter(tokensMax);
    const draft = sequence.drafter?.draft(sequence.tokenIds, draftsMax);
    if (draft === undefined) return certain(known);
    return {
      position,
      tokenIds: [...known, ...draft.tokenIds],
      chances: [...known.map(() => 1), ...draft.chances],
    };
  }
}
