import { type FrozenMemory, freeze, thawCompiler } from './frozen-grammar.js';
import type { BindingCompiler, CompiledHandle, GrammarBinding } from './grammar-binding.js';
import type { GrammarSource } from './grammar-source.js';
import type { GrammarVocabulary } from './grammar-vocabulary.js';

export type CreateBinding = (onError?: (line: string) => void) => Promise<GrammarBinding>;

export type CompileOutcome =
  | { readonly kind: 'compiled'; readonly frozen: FrozenMemory }
  /** In the library's words. */
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Compiles grammars for one vocabulary, each in an instance of its own: what the library refuses costs its instance, and
 * what it compiles depends on nothing that came before.
 */
export class GrammarCompiler {
  readonly #createBinding: CreateBinding;
  readonly #vocabulary: GrammarVocabulary;
  #blank: Promise<FrozenMemory> | undefined;
  /** One that has compiled before and is whole: its memory is made blank again, which is faster than a new instance. */
  #used: Instance | undefined;
  #reason = '';

  constructor(createBinding: CreateBinding, vocabulary: GrammarVocabulary) {
    this.#createBinding = createBinding;
    this.#vocabulary = vocabulary;
  }

  /** One at a time. Holds the thread for as long as it takes: 10 ms to seconds. */
  async compile(source: GrammarSource): Promise<CompileOutcome> {
    this.#blank ??= this.#compilerOfVocabulary();
    const blank = await this.#blank;
    const binding = this.#used?.binding ?? (await this.#createBinding((line) => this.#hear(line)));
    const compiler = thawCompiler(binding, blank, this.#used?.compiler);
    this.#used = undefined;
    this.#reason = 'the grammar library failed';
    let frozen: FrozenMemory;
    try {
      frozen = freeze(binding, compile(binding, compiler, source));
    } catch {
      return { kind: 'refused', reason: this.#reason };
    }
    if (frozen.memoryBytes === blank.memoryBytes) this.#used = { binding, compiler };
    return { kind: 'compiled', frozen };
  }

  #hear(line: string): void {
    // `[FATAL] /path/of/its/source.cc:552: what is wrong`; other lines say nothing to a caller.
    this.#reason = /^\[FATAL\] \S+?:\d+: ([\s\S]+)$/.exec(line)?.[1]?.trim() ?? this.#reason;
  }

  /** Sorting a vocabulary takes ten times as long as to put the sorted one into a new instance. */
  async #compilerOfVocabulary(): Promise<FrozenMemory> {
    const { spellings, vocabularyCount, endTokenIds } = this.#vocabulary;
    const binding = await this.#createBinding();
    const tokens = binding.vecStringFromJSArray(spellings);
    const ends = binding.vecIntFromJSArray(endTokenIds);
    const tokenizer = new binding.TokenizerInfo(tokens, 'BYTE_LEVEL', vocabularyCount, ends, false);
    const compiler = new binding.GrammarCompiler(tokenizer, 1, false);
    for (const done of [tokens, ends, tokenizer]) done.delete();
    return freeze(binding, compiler);
  }
}

interface Instance {
  readonly binding: GrammarBinding;
  readonly compiler: BindingCompiler;
}

function compile(
  binding: GrammarBinding,
  compiler: BindingCompiler,
  { language, text }: GrammarSource,
): CompiledHandle {
  if (language === 'structuralTag') return compiler.CompileStructuralTag(text);
  return compiler.CompileGrammar(binding.Grammar.FromEBNF(text, 'root'));
}
