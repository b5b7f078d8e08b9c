import { incompleteTailBytes } from './utf8.js';
import type { Vocabulary } from './vocabulary.js';

export interface DetokenizeOptions {
  /** Write control tokens as they are spelt (`<|im_end|>`); without it they stand for no text. */
  readonly special?: boolean;
  /**
   * The tokens are a text of their own, such as a chat reply: a SentencePiece tokenizer's space in front is taken off.
   * Without it they continue another text and keep it.
   */
  readonly startsText?: boolean;
}

/**
 * Turns one sequence's tokens into text as they come. Never gives half a character: bytes that more bytes could complete
 * are held back (at most 3), bytes that no more can complete become U+FFFD at once. What all calls give together is what
 * decoding all the bytes at once gives. A token costs O(its own bytes).
 */
export class IncrementalDetokenizer {
  readonly #vocabulary: Vocabulary;
  readonly #special: boolean;
  #held: Uint8Array = empty;
  #spaceDue: boolean;

  /** `addSpacePrefix` as in TokenizerDefinition. */
  constructor(vocabulary: Vocabulary, addSpacePrefix: boolean, options: DetokenizeOptions = {}) {
    this.#vocabulary = vocabulary;
    this.#special = options.special ?? false;
    this.#spaceDue = addSpacePrefix && (options.startsText ?? false);
  }

  /** The text that this token completes; often empty. An id beyond the vocabulary stands for no text. */
  push(tokenId: number): string {
    if (!this.#special && this.#vocabulary.isControl(tokenId)) return '';
    const whole = this.#held.length === 0 ? this.#vocabulary.text(tokenId) : null;
    return this.#begun(whole ?? this.#complete(this.#vocabulary.bytes(tokenId)));
  }

  /** No token will follow: what is held back becomes U+FFFD. */
  flush(): string {
    const rest = replacing.decode(this.#held);
    this.#held = empty;
    return this.#begun(rest);
  }

  #complete(added: Uint8Array): string {
    const bytes = new Uint8Array(this.#held.length + added.length);
    bytes.set(this.#held);
    bytes.set(added, this.#held.length);
    const completeBytes = bytes.length - incompleteTailBytes(bytes);
    this.#held = bytes.subarray(completeBytes);
    return replacing.decode(bytes.subarray(0, completeBytes));
  }

  #begun(text: string): string {
    if (!this.#spaceDue || text === '') return text;
    this.#spaceDue = false;
    return text.startsWith(' ') ? text.slice(1) : text;
  }
}

const empty = new Uint8Array(0);
const replacing = new TextDecoder('utf-8', { ignoreBOM: true });
