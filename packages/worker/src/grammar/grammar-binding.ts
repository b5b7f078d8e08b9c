/**
 * The part of @mlc-ai/web-xgrammar 0.1.27 that is used, as its WebAssembly module gives it: no promises, and every object
 * is deleted by who made it. Whatever the library refuses aborts the module: the call throws, the reason has gone to
 * `printErr`, and the instance is good for nothing any more.
 */
export interface GrammarBinding {
  /** The module's memory. It may be another array after each call that allocates. */
  readonly HEAPU8: Uint8Array;
  readonly vecStringFromJSArray: (texts: readonly string[]) => Deletable;
  readonly vecIntFromJSArray: (numbers: readonly number[]) => Deletable;
  /** A view that the next call may invalidate. */
  readonly vecIntToView: (vector: Deletable) => Int32Array;
  readonly VectorInt: new () => ResizableVector;
  readonly Grammar: {
    /** @throws RuntimeError, and the instance is lost. */
    FromEBNF(text: string, rootRule: string): Deletable;
  };
  readonly TokenizerInfo: new (
    vocabulary: Deletable,
    kind: 'RAW' | 'BYTE_LEVEL',
    vocabularyCount: number,
    stopTokenIds: Deletable,
    prependsSpace: boolean,
  ) => Deletable;
  readonly GrammarCompiler: new (tokenizer: Deletable, threads: number, isCached: boolean) => BindingCompiler;
  readonly GrammarMatcher: new (
    grammar: CompiledHandle,
    stopTokenIds: undefined,
    endsWithoutStopToken: boolean,
    rollbackTokensMax: number,
  ) => BindingMatcher;
}

export interface Deletable {
  delete(): void;
}

export interface ResizableVector extends Deletable {
  resize(length: number, value: number): void;
}

/** A compiled grammar; `$$` is where embind keeps its address in the module's memory. */
export interface CompiledHandle extends Deletable {
  readonly $$: { ptr: number };
}

export interface BindingCompiler extends Deletable {
  readonly $$: { ptr: number };
  CompileGrammar(grammar: Deletable): CompiledHandle;
  CompileStructuralTag(json: string): CompiledHandle;
}

export interface BindingMatcher extends Deletable {
  /** False, and nothing has changed, where the grammar does not allow the token. */
  AcceptToken(tokenId: number, isVerbose: boolean): boolean;
  AcceptString(text: string, isVerbose: boolean): boolean;
  /** A bit for each token, 32 to an element. Aborts when an end token has been accepted. */
  GetNextTokenBitmask(vocabularyCount: number): Deletable;
  IsTerminated(): boolean;
  /** The text that every continuation begins with. */
  FindJumpForwardString(): string;
}
