/** A constraint in the library's own languages, and so checked as far as we can; one source is one compiled grammar. */
export interface GrammarSource {
  readonly language: 'ebnf' | 'structuralTag';
  readonly text: string;
  /** The field of the request that it was made of, for refusals. */
  readonly field: string;
}
