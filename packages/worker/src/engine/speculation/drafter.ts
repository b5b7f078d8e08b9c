/** What may come next in a sequence. */
export interface Draft {
  readonly tokenIds: readonly number[];
  /** Parallel: how likely each is right where all in front of it are, 0 to 1; 1: it is bound to come. */
  readonly chances: readonly number[];
}

export const noDraft: Draft = { tokenIds: [], chances: [] };

/** Guesses how one sequence goes on. A wrong guess costs time and never an answer. */
export interface Drafter {
  /**
   * @param tokenIds of the sequence, prompt and generated; each call with those of the one before and more behind them.
   * @param most tokens of the draft.
   */
  draft(tokenIds: readonly number[], most: number): Draft;
  /** The tokens that came behind those of the last draft, from the first on; also where nobody computed the draft. */
  observe(cameIds: readonly number[]): void;
}
