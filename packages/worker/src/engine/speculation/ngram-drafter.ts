import { type Draft, type Drafter, noDraft } from './drafter.js';
import { MATCH_MAX, type Match, PromptLookup } from './prompt-lookup.js';

/** How often a guess behind a match of so many tokens was right, before this sequence has shown it; by length from 0. */
const PRIOR = [0, 0.2, 0.4, 0.55, 0.65, 0.7, 0.75, 0.8, 0.85];
/** Guesses that the prior counts as. */
const PRIOR_WEIGHT = 6;
/** A guess counts so much less for each of the same length after it. */
const FORGETTING = 0.95;

/**
 * Guesses that a sequence goes on as it did where it last read the same. How far that holds is learnt from every token, be
 * the guess computed or not, by the length of the match: so it costs nothing to find out that guesses are right again.
 */
export class NgramDrafter implements Drafter {
  readonly #lookup: PromptLookup;
  readonly #right = Float64Array.from(PRIOR, (chance) => chance * PRIOR_WEIGHT);
  readonly #seen = new Float64Array(PRIOR.length).fill(PRIOR_WEIGHT);
  #last: Match | undefined;

  /** @param tokensMax of prompt and output. */
  constructor(tokensMax: number) {
    this.#lookup = new PromptLookup(tokensMax);
  }

  draft(tokenIds: readonly number[], most: number): Draft {
    this.#last = this.#lookup.find(tokenIds, most);
    if (this.#last === undefined) return noDraft;
    const { matched, tokenIds: guessed } = this.#last;
    // A right guess makes the match one longer for the next.
    return { tokenIds: guessed, chances: guessed.map((_, index) => this.#chance(matched + index)) };
  }

  observe(cameIds: readonly number[]): void {
    const last = this.#last;
    this.#last = undefined;
    if (last === undefined) return;
    for (const [index, tokenId] of cameIds.entries()) {
      const guess = last.tokenIds[index];
      if (guess === undefined) return;
      this.#learn(last.matched + index, guess === tokenId);
      if (guess !== tokenId) return;
    }
  }

  #chance(matched: number): number {
    const length = Math.min(MATCH_MAX, matched);
    return this.#right[length]! / this.#seen[length]!;
  }

  #learn(matched: number, isRight: boolean): void {
    const length = Math.min(MATCH_MAX, matched);
    this.#right[length] = this.#right[length]! * FORGETTING + (isRight ? 1 : 0);
    this.#seen[length] = this.#seen[length]! * FORGETTING + 1;
  }
}
