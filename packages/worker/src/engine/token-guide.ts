import type { AllowedTokens } from './sampling/allowed-tokens.js';

/**
 * Says which tokens a sequence may have next. Its state follows from the sequence's tokens alone, so preemption and
 * another worker change nothing. Belongs to one sequence and is given back with it.
 */
export interface TokenGuide {
  /**
   * What may come next, computed once a token: ask while a pass runs. Some 20 µs.
   * @throws ServingError `invalid_request` when no token is allowed, `engine_failed` when the guide is broken.
   */
  allowed(): AllowedTokens;
  /**
   * Tokens that come next whatever the model says, where there is only one text: they are taken without sampling, and may
   * be computed together. The same in the same state; each is allowed where those before it have come. Mostly none.
   */
  forced(): readonly number[];
  /** Goes on behind a token; false, and nothing has changed, where it was not allowed. */
  accept(tokenId: number): boolean;
  /** An end token was accepted: nothing comes behind it. */
  readonly isComplete: boolean;
  /** Gives native memory back. More than once is once. */
  dispose(): void;
}
