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
  /** Goes on behind a token; false, and nothing has changed, where it was not allowed. */
  accept(tokenId: number): boolean;
  /** An end token was accepted: nothing comes behind it. */
  readonly isComplete: boolean;
  /** Gives native memory back. More than once is once. */
  dispose(): void;
}
