/** What a token is for; the names of GGUF's `tokenizer.ggml.token_type`, values 1 to 6. */
export type TokenKind = 'normal' | 'unknown' | 'control' | 'userDefined' | 'unused' | 'byte';

/**
 * Everything that a tokenizer is made from, as plain data: it can be sent to another thread. Made by
 * `readGgufTokenizer` or `readJsonTokenizer`, which check it.
 */
export interface TokenizerDefinition {
  /** Spelling of each token, by id. */
  readonly tokens: readonly string[];
  /** By id, as many as `tokens`. */
  readonly kinds: readonly TokenKind[];
  /**
   * How a normal token is spelt: `byte-level` writes each byte as one printable character (GPT-2), `sentencepiece`
   * writes text as it is with spaces as U+2581.
   */
  readonly spelling: 'byte-level' | 'sentencepiece';
  /** A space is put before a text that is encoded, and taken off the front of one that is decoded. */
  readonly addSpacePrefix: boolean;
  readonly beginTokenId: number | undefined;
  /** The model was trained with the begin token in front of every text. */
  readonly addBegin: boolean;
  /** The one end token that chat templates know as `eos_token`. */
  readonly endTokenId: number | undefined;
  /** Every token that ends a text or a turn. */
  readonly endTokenIds: readonly number[];
  /** Jinja source; undefined for a model that was not trained to chat. */
  readonly chatTemplate: string | undefined;
  readonly encoder: EncoderDefinition;
}

export type EncoderDefinition =
  /** In the format of a `tokenizer.json`, which @huggingface/tokenizers runs. */
  | { readonly kind: 'library'; readonly json: Readonly<Record<string, unknown>> }
  /** SentencePiece's BPE: the adjacent pair whose joined token has the best score is joined first. Scores by id. */
  | { readonly kind: 'sentencepiece'; readonly scores: readonly number[] };
