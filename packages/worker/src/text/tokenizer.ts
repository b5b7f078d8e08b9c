import { ServingError } from '@sluice/shared';
import { type DetokenizeOptions, IncrementalDetokenizer } from './incremental-detokenizer.js';
import { type EncodeText, libraryEncoder } from './library-encoder.js';
import { sentencepieceEncoder } from './sentencepiece-encoder.js';
import { shielder } from './special-tokens.js';
import type { TokenizerDefinition } from './tokenizer-definition.js';
import { Vocabulary } from './vocabulary.js';

export interface EncodeOptions {
  /**
   * Spelt-out control tokens in the text (`<|im_end|>`) become those tokens; without it they are text. True for prompts
   * and rendered chat templates, as vLLM and llama.cpp do; messages are shielded before they are rendered.
   */
  readonly special: boolean;
  /** Put the begin token in front if the model wants one and the text does not begin with it. False if left out. */
  readonly begin?: boolean;
}

/** Text to token ids and back. Immutable after construction, but for caches of bounded size. */
export interface Tokenizer {
  readonly vocabularyCount: number;
  readonly beginTokenId: number | undefined;
  /** Whether `begin` has an effect: the model was trained with a begin token in front. */
  readonly addBegin: boolean;
  /** The end of a text, and the ends of a turn; ascending. */
  readonly endTokenIds: readonly number[];
  /**
   * About 2 to 8 microseconds a token: a text of more than a few thousand characters belongs on another thread. Lone
   * surrogates count as U+FFFD, and U+FDD0 as nothing.
   */
  encode(text: string, options: EncodeOptions): number[];
  /** Bytes of a token, maybe a part of a character. Control tokens have none, unless `special` asks for the spelling. */
  tokenBytes(id: number, options?: { readonly special?: boolean }): Uint8Array;
  /** @throws ServingError `invalid_request` for an id that is not in the vocabulary. */
  decode(ids: readonly number[], options?: DetokenizeOptions): string;
  detokenizer(options?: DetokenizeOptions): IncrementalDetokenizer;
  /** Marks up a text that a person wrote, so that `encode` with `special` finds no control token in it. */
  shield(text: string): string;
}

/**
 * Builds a tokenizer; a vocabulary of 50,000 takes some 100 ms.
 * @throws ServingError `model_unusable` when a part of the definition is unknown.
 */
export function createTokenizer(definition: TokenizerDefinition): Tokenizer {
  const vocabulary = new Vocabulary(definition);
  const encodeText = encoderOf(definition);
  const { tokens, kinds, beginTokenId } = definition;
  const addBegin = definition.addBegin && beginTokenId !== undefined;
  const detokenizer = (options: DetokenizeOptions = {}): IncrementalDetokenizer =>
    new IncrementalDetokenizer(vocabulary, definition.addSpacePrefix, options);
  return {
    vocabularyCount: vocabulary.count,
    beginTokenId,
    addBegin,
    endTokenIds: definition.endTokenIds,
    encode(text, { special, begin = false }) {
      const ids = encodeText(text.replace(/\p{Cs}/gu, '\uFFFD'), special);
      if (begin && addBegin && ids[0] !== beginTokenId) ids.unshift(beginTokenId);
      return ids;
    },
    tokenBytes(id, { special = false } = {}) {
      return special || !vocabulary.isControl(id) ? vocabulary.bytes(id) : new Uint8Array(0);
    },
    decode(ids, options = { startsText: true }) {
      const stream = detokenizer(options);
      let text = '';
      for (const [index, id] of ids.entries()) {
        if (!Number.isInteger(id) || id < 0 || id >= vocabulary.count) {
          const problem = `ids[${index}] ${id} must be a token id below ${vocabulary.count}`;
          throw new ServingError('invalid_request', problem, { field: `ids[${index}]` });
        }
        text += stream.push(id);
      }
      return text + stream.flush();
    },
    detokenizer,
    shield: shielder(tokens.filter((_, id) => kinds[id] === 'control')),
  };
}

function encoderOf(definition: TokenizerDefinition): EncodeText {
  const { encoder } = definition;
  if (encoder.kind === 'library') return libraryEncoder(encoder.json);
  return sentencepieceEncoder(definition, encoder.scores);
}
