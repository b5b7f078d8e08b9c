import { ServingError } from '@sluice/shared';
import type { AllowedTokens } from '../engine/sampling/allowed-tokens.js';
import type { TokenGuide } from '../engine/token-guide.js';
import type { AwakeGrammar } from './awake-grammar.js';
import type { BindingMatcher } from './grammar-binding.js';

/** The tokens that a text which has to come is made of, without those that it may end within. */
export type ForcedIds = (text: string) => readonly number[];

/** Follows a grammar: a matcher of the library, with what it says kept until the next token. */
export class GrammarGuide implements TokenGuide {
  readonly #grammar: AwakeGrammar;
  readonly #field: string;
  readonly #onDispose: () => void;
  readonly #forcedIds: ForcedIds | undefined;
  #forced: readonly number[] | undefined;
  #matcher: BindingMatcher | undefined;
  #allowed: AllowedTokens | undefined;
  #isComplete = false;

  /** @param forcedIds absent: nothing is taken without sampling. */
  constructor(grammar: AwakeGrammar, field: string, onDispose: () => void, forcedIds?: ForcedIds) {
    this.#grammar = grammar;
    this.#field = field;
    this.#onDispose = onDispose;
    this.#forcedIds = forcedIds;
    this.#matcher = grammar.matcher();
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  allowed(): AllowedTokens {
    if (this.#allowed !== undefined) return this.#allowed;
    const allowed = this.#grammar.allowedBy(this.#live());
    if (allowed.count === 0) {
      const problem = `${this.#field} allows no token of this model's vocabulary here: the text cannot go on, and must not end`;
      throw new ServingError('invalid_request', problem, { field: this.#field });
    }
    this.#allowed = allowed;
    return allowed;
  }

  accept(tokenId: number): boolean {
    if (this.#isComplete) return false;
    const matcher = this.#live();
    if (!this.#grammar.guarded(() => matcher.AcceptToken(tokenId, false))) return false;
    this.#allowed = undefined;
    this.#forced = undefined;
    this.#isComplete = matcher.IsTerminated();
    return true;
  }

  forced(): readonly number[] {
    this.#forced ??= this.#forcedIds?.(this.#forcedText()) ?? [];
    return this.#forced;
  }

  #forcedText(): string {
    if (this.#isComplete) return '';
    const matcher = this.#live();
    return this.#grammar.guarded(() => matcher.FindJumpForwardString());
  }

  dispose(): void {
    if (this.#matcher === undefined) return;
    const matcher = this.#matcher;
    this.#matcher = undefined;
    this.#grammar.release(matcher);
    this.#onDispose();
  }

  #live(): BindingMatcher {
    if (this.#matcher === undefined) throw new ServingError('cancelled', 'the sequence of this grammar has ended');
    return this.#matcher;
  }
}
