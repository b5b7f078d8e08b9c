import { type Clock, ServingError } from '@sluice/shared';
import { AllowedTokens } from '../engine/sampling/allowed-tokens.js';
import { type FrozenMemory, thawGrammar } from './frozen-grammar.js';
import type { BindingMatcher, CompiledHandle, GrammarBinding } from './grammar-binding.js';

/**
 * What a grammar may take on average to say what comes next, over about so many tokens: the whole batch waits for it. One
 * slow answer may be the machine's fault, and counts as no more than the last number.
 */
const MASK_MS_MAX = 40;
const MASKS_MEANT = 16;
const ONE_MASK_MS_MAX = 500;

/** What an instance takes beside its memory: its objects in JS. An estimate. */
const INSTANCE_BYTES = 1_000_000;

/**
 * A compiled grammar that can be matched, in an instance of the library that is its own: what goes wrong in it goes wrong
 * for its sequences alone.
 */
export class AwakeGrammar {
  /** Memory that it takes, about. */
  readonly bytes: number;
  readonly #binding: GrammarBinding;
  readonly #compiled: CompiledHandle;
  readonly #vocabularyCount: number;
  readonly #clock: Pick<Clock, 'nowMs'>;
  #matchers = 0;
  #meanMs = 0;
  #broken: ServingError | undefined;

  /** @param binding a fresh instance. */
  constructor(binding: GrammarBinding, frozen: FrozenMemory, vocabularyCount: number, clock: Pick<Clock, 'nowMs'>) {
    this.#binding = binding;
    this.#compiled = thawGrammar(binding, frozen);
    this.#vocabularyCount = vocabularyCount;
    this.#clock = clock;
    this.bytes = frozen.pages.length + INSTANCE_BYTES;
  }

  /** Matchers that were not released. */
  get matchers(): number {
    return this.#matchers;
  }

  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  matcher(): BindingMatcher {
    const matcher = this.guarded(() => new this.#binding.GrammarMatcher(this.#compiled, undefined, false, -1));
    this.#matchers += 1;
    return matcher;
  }

  release(matcher: BindingMatcher): void {
    this.#matchers -= 1;
    try {
      this.guarded(() => matcher.delete());
    } catch (failure) {
      // The memory of a broken instance goes with the instance.
      if (!(failure instanceof ServingError)) throw failure;
    }
  }

  /** @throws ServingError `engine_failed` when the instance is broken, `invalid_request` when the grammar is too slow. */
  allowedBy(matcher: BindingMatcher): AllowedTokens {
    const startMs = this.#clock.nowMs();
    const words = this.guarded(() => {
      const vector = matcher.GetNextTokenBitmask(this.#vocabularyCount);
      const copy = this.#binding.vecIntToView(vector).slice();
      vector.delete();
      return copy;
    });
    const tookMs = this.#clock.nowMs() - startMs;
    this.#meanMs += (Math.min(tookMs, ONE_MASK_MS_MAX) - this.#meanMs) / MASKS_MEANT;
    if (this.#meanMs > MASK_MS_MAX) {
      const problem = `the constraint takes ${Math.round(this.#meanMs)} ms a token to say what may come next; at most ${MASK_MS_MAX} are allowed`;
      this.#broken = new ServingError('invalid_request', problem, { field: 'constraint' });
      throw this.#broken;
    }
    return new AllowedTokens(words);
  }

  /**
   * Calls the library. What throws in it leaves the instance in no state at all.
   * @throws ServingError `engine_failed` then and from then on.
   */
  guarded<T>(call: () => T): T {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      return call();
    } catch (cause) {
      this.#broken = new ServingError('engine_failed', 'the grammar library failed', { cause });
      throw this.#broken;
    }
  }
}
