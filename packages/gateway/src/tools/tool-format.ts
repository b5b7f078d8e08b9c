/**
 * How the models of one family write calls of tools: what to look for in their answers, and what grammars make them
 * write. An object with a name and its arguments is at the bottom of all of them.
 */
export interface ToolFormat {
  readonly name: string;
  /** Texts in front of a call, none of which begins another one; the longest first. */
  readonly openers: readonly string[];
  /** Texts behind it, which are not passed on. */
  readonly closers: readonly string[];
  /** Calls may also stand bare: at the beginning of a line, or behind another call. */
  readonly isBare: boolean;
  /** Calls may also be a name and its arguments without an object around both, behind an opener. */
  readonly isNamed: boolean;
  /** What a grammar has a model write. */
  readonly written: WrittenCalls;
}

/** An answer of calls is `before`, calls with `separator` between them, `after`. */
export interface WrittenCalls {
  readonly before: string;
  readonly after: string;
  readonly separator: string;
  /** The text in front of a call's arguments. */
  begin(name: string): string;
  /** The text behind them. */
  readonly end: string;
}
