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

/**
 * An answer that is nothing but calls: `before`, a name, `between`, its arguments, `separator`, a name and so on, `after`.
 * None of them is empty, for a grammar's sake.
 */
export interface WrittenCalls {
  readonly before: string;
  readonly between: string;
  readonly separator: string;
  readonly after: string;
  /** Within free text, what no text but a call begins with; undefined: `before` and a tool's name. */
  readonly trigger: string | undefined;
}
