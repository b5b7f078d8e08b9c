import { assert } from '@sluice/shared';
import { PrefixTree } from './prefix-tree.js';
import { blocksFor } from './token-ledger.js';

/** A shorter match is not worth keeping a slot for, nor a copy. */
export const CACHED_TOKENS_MIN = 16;

/** What an idle slot keeps. */
export interface IdlePrompt {
  readonly tokens: number;
  /** Grows from use to use. */
  readonly lastUse: number;
}

/** What a prompt finds in the cache. */
export interface PrefixHit {
  readonly slot: number;
  /** At least {@link CACHED_TOKENS_MIN}. */
  readonly tokens: number;
}

/**
 * Prompts whose keys and values are still in a slot: of sequences that run, and of some that are gone. A slot whose
 * sequence is gone is *idle*: it keeps the prompt until somebody needs the slot or its memory, least recently used first.
 *
 *   unknown ──hold──▶ held by a running sequence ──leave──▶ idle ──forget──▶ unknown
 */
export class PrefixCache {
  readonly #tree = new PrefixTree();
  readonly #idle = new Map<number, IdlePrompt>();
  #idleBlocks = 0;
  #uses = 0;
  #version = 0;

  /** Changes whenever an answer of {@link find} could. */
  get version(): number {
    return this.#version;
  }

  get idleCount(): number {
    return this.#idle.size;
  }

  get idleBlocks(): number {
    return this.#idleBlocks;
  }

  /** By slot. */
  get idle(): ReadonlyMap<number, IdlePrompt> {
    return this.#idle;
  }

  /** The longest beginning of a prompt that a slot holds, an idle one if there is a choice. */
  find(promptIds: ArrayLike<number>, tokensMax: number): PrefixHit | undefined {
    if (tokensMax < CACHED_TOKENS_MIN) return undefined;
    const match = this.#tree.match(promptIds, tokensMax);
    if (match === undefined || match.tokens < CACHED_TOKENS_MIN) return undefined;
    let slot: number | undefined;
    for (const one of match.slots) if (slot === undefined || this.#idle.has(one)) slot = one;
    return { slot: slot!, tokens: match.tokens };
  }

  /** A running sequence's slot has the first `tokens` of its prompt by now. */
  hold(slot: number, promptIds: ArrayLike<number>, tokens: number): void {
    if (tokens < CACHED_TOKENS_MIN) return;
    this.#tree.set(slot, promptIds, tokens);
    this.#version += 1;
  }

  /**
   * A slot's sequence is gone. Returns the slots that are of no more use, of which it may be one itself: those that hold
   * nothing that another does not hold as well.
   */
  leave(slot: number, tokens: number): number[] {
    if (tokens < CACHED_TOKENS_MIN || this.#tree.isCovered(slot)) {
      this.forget(slot);
      return [slot];
    }
    this.#idle.set(slot, { tokens, lastUse: this.#uses++ });
    this.#idleBlocks += blocksFor(tokens);
    this.#version += 1;
    const covered = this.#tree.beginningsOf(slot).filter((one) => this.#idle.has(one));
    for (const one of covered) this.forget(one);
    return covered;
  }

  /** An idle slot was of use. */
  touch(slot: number): void {
    const prompt = this.#idle.get(slot);
    if (prompt !== undefined) this.#idle.set(slot, { ...prompt, lastUse: this.#uses++ });
  }

  /** What an idle slot holds has been copied to a free one, which takes its place. */
  move(from: number, to: number): void {
    const prompt = this.#idle.get(from);
    assert(prompt !== undefined && !this.#idle.has(to), `slot ${from} is idle, and slot ${to} holds nothing`);
    this.#idle.delete(from);
    this.#idle.set(to, prompt);
    this.#tree.move(from, to);
    this.#version += 1;
  }

  /** The idle slot that was of no use for longest; undefined when there is none but `except`. */
  oldest(except: number | undefined): number | undefined {
    let oldest: number | undefined;
    let oldestUse = Number.POSITIVE_INFINITY;
    for (const [slot, { lastUse }] of this.#idle) {
      if (slot === except || lastUse >= oldestUse) continue;
      oldest = slot;
      oldestUse = lastUse;
    }
    return oldest;
  }

  /** What the slot holds is of no use any more. */
  forget(slot: number): void {
    const prompt = this.#idle.get(slot);
    if (prompt !== undefined) {
      this.#idle.delete(slot);
      this.#idleBlocks -= blocksFor(prompt.tokens);
    }
    this.#tree.delete(slot);
    this.#version += 1;
  }
}
