import { type Clock, ServingError } from '@sluice/shared';
import { AwakeGrammar } from './awake-grammar.js';
import type { CompileOutcome, CreateBinding } from './compile-grammar.js';
import { type ForcedIds, GrammarGuide } from './grammar-guide.js';
import type { GrammarSource } from './grammar-source.js';

export interface GrammarCacheOptions {
  /** Compiled grammars that are kept, those in use included. Default 128. */
  readonly grammarsMax?: number;
  /** Memory of them all. Default 512 MiB. */
  readonly bytesMax?: number;
}

export interface GrammarCacheParts {
  readonly compile: (source: GrammarSource) => Promise<CompileOutcome>;
  readonly createBinding: CreateBinding;
  readonly vocabularyCount: number;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly forcedIds?: ForcedIds | undefined;
}

interface Entry {
  readonly grammar: Promise<AwakeGrammar>;
  /** 0 while it is being compiled. */
  bytes: number;
  /** Guides that live or wait for it. */
  users: number;
}

/** Compiled grammars by their source, the least recently used ones forgotten first; those in use stay. */
export class GrammarCache {
  readonly #parts: GrammarCacheParts;
  readonly #grammarsMax: number;
  readonly #bytesMax: number;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>();

  constructor(parts: GrammarCacheParts, options: GrammarCacheOptions = {}) {
    this.#parts = parts;
    this.#grammarsMax = options.grammarsMax ?? 128;
    this.#bytesMax = options.bytesMax ?? 512 * 1024 * 1024;
  }

  get grammars(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    let bytes = 0;
    for (const entry of this.#entries.values()) bytes += entry.bytes;
    return bytes;
  }

  /** Guides that were not disposed. */
  get guides(): number {
    let users = 0;
    for (const entry of this.#entries.values()) users += entry.users;
    return users;
  }

  /**
   * A guide at the beginning of the text; whoever gets it disposes it.
   * @throws ServingError `invalid_request` in the library's words for a grammar that it refuses, `queue_full` where the
   * grammars in use leave no room, and what `compile` throws.
   */
  async guideFor(source: GrammarSource): Promise<GrammarGuide> {
    const key = `${source.language}:${source.text}`;
    const entry = this.#entries.get(key) ?? this.#add(key, source);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users += 1;
    const release = (): void => {
      entry.users -= 1;
      this.#shrink();
    };
    try {
      const grammar = await entry.grammar;
      if (grammar.isBroken && this.#entries.get(key) === entry) this.#entries.delete(key);
      return new GrammarGuide(grammar, source.field, release, this.#parts.forcedIds);
    } catch (failure) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      entry.users -= 1;
      throw failure;
    }
  }

  #add(key: string, source: GrammarSource): Entry {
    this.#shrink(1);
    if (this.#entries.size >= this.#grammarsMax || this.bytes >= this.#bytesMax) {
      throw new ServingError('queue_full', `${this.#entries.size} grammars are in use, which is all that fit`);
    }
    const entry: Entry = { grammar: this.#wake(source), bytes: 0, users: 0 };
    this.#entries.set(key, entry);
    entry.grammar.then(
      ({ bytes }) => {
        entry.bytes = bytes;
        this.#shrink();
      },
      () => {},
    );
    return entry;
  }

  async #wake(source: GrammarSource): Promise<AwakeGrammar> {
    const { compile, createBinding, vocabularyCount, clock } = this.#parts;
    const outcome = await compile(source);
    if (outcome.kind === 'refused') {
      const { field } = source;
      throw new ServingError('invalid_request', `${field}: ${outcome.reason.slice(0, 500)}`, { field });
    }
    return new AwakeGrammar(await createBinding(), outcome.frozen, vocabularyCount, clock);
  }

  /** @param more that are about to come. */
  #shrink(more = 0): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size + more <= this.#grammarsMax && this.bytes <= this.#bytesMax) return;
      if (entry.users === 0) this.#entries.delete(key);
    }
  }
}
