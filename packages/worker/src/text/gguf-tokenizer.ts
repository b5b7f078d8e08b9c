import { ServingError } from '@sluice/shared';
import { endTokenIdsOf } from './end-tokens.js';
import { preTokenizerNamed } from './pre-tokenizers.js';
import type { EncoderDefinition, TokenizerDefinition, TokenKind } from './tokenizer-definition.js';

/** The key-value part of a GGUF file; values as @huggingface/gguf gives them (64-bit integers as bigint). */
export type GgufMetadata = Readonly<Record<string, unknown>>;

/**
 * Reads the tokenizer out of a GGUF file's metadata: model `gpt2` (byte-level BPE) or `llama` (SentencePiece BPE).
 * @throws ServingError `model_unusable` naming the key that is missing, of the wrong type or unknown.
 */
export function readGgufTokenizer(metadata: GgufMetadata): TokenizerDefinition {
  const model = stringAt(metadata, 'tokenizer.ggml.model');
  const tokens = stringsAt(metadata, 'tokenizer.ggml.tokens');
  if (tokens.length === 0) throw unusable('tokenizer.ggml.tokens', 'is empty');
  const kinds = kindsOf(metadata, tokens.length);
  const id = (key: string): number | undefined => tokenIdAt(metadata, key, tokens.length);
  const endTokenId = id('tokenizer.ggml.eos_token_id');
  const turnEnds = [id('tokenizer.ggml.eot_token_id'), id('tokenizer.ggml.eom_token_id')];
  const family = familyOf(metadata, model, tokens, kinds);
  return {
    tokens,
    kinds,
    spelling: family.spelling,
    addSpacePrefix: family.addSpacePrefix,
    beginTokenId: id('tokenizer.ggml.bos_token_id'),
    addBegin: booleanAt(metadata, 'tokenizer.ggml.add_bos_token') ?? family.addBegin,
    endTokenId,
    endTokenIds: endTokenIdsOf(tokens, kinds, [endTokenId, ...turnEnds]),
    chatTemplate: optionalStringAt(metadata, 'tokenizer.chat_template'),
    encoder: family.encoder,
  };
}

interface Family extends Pick<TokenizerDefinition, 'spelling' | 'addSpacePrefix' | 'addBegin'> {
  readonly encoder: EncoderDefinition;
}

function familyOf(
  metadata: GgufMetadata,
  model: string,
  tokens: readonly string[],
  kinds: readonly TokenKind[],
): Family {
  switch (model) {
    case 'gpt2': {
      const pre = optionalStringAt(metadata, 'tokenizer.ggml.pre') ?? 'default';
      const merges = stringsAt(metadata, 'tokenizer.ggml.merges');
      return {
        spelling: 'byte-level',
        addSpacePrefix: false,
        addBegin: pre === 'llama-bpe' || pre === 'llama-v3' || pre === 'llama3' || pre === 'tekken',
        encoder: { kind: 'library', json: byteLevelJson(tokens, kinds, merges, pre) },
      };
    }
    case 'llama': {
      const scores = metadata['tokenizer.ggml.scores'];
      if (!isNumbers(scores) || scores.length !== tokens.length) {
        throw unusable('tokenizer.ggml.scores', `must be ${tokens.length} numbers, one a token`);
      }
      return {
        spelling: 'sentencepiece',
        addSpacePrefix: booleanAt(metadata, 'tokenizer.ggml.add_space_prefix') ?? true,
        addBegin: true,
        encoder: { kind: 'sentencepiece', scores },
      };
    }
    default:
      throw unusable('tokenizer.ggml.model', `"${model}" is not one of gpt2, llama`);
  }
}

/** The same tokenizer in the format of a tokenizer.json. */
function byteLevelJson(
  tokens: readonly string[],
  kinds: readonly TokenKind[],
  merges: readonly string[],
  preName: string,
): Readonly<Record<string, unknown>> {
  const { splits, ignoreMerges } = preTokenizerNamed(preName);
  const added = tokens.flatMap((content, id) => {
    const kind = kinds[id];
    if (kind !== 'control' && kind !== 'userDefined') return [];
    return [{ id, content, special: kind === 'control', normalized: false }];
  });
  return {
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        // As splits of our own, not the library's `Digits` and its built-in pattern: those use JavaScript's \s and \d,
        // which differ from Unicode's for U+FEFF, U+0085 and numerals such as Ⅻ.
        ...splits.map((regex) => ({ type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false })),
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: null,
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
      ignore_merges: ignoreMerges,
    },
  };
}

const kindNames: readonly TokenKind[] = ['normal', 'unknown', 'control', 'userDefined', 'unused', 'byte'];

function kindsOf(metadata: GgufMetadata, count: number): TokenKind[] {
  const types = metadata['tokenizer.ggml.token_type'];
  if (types === undefined) return new Array<TokenKind>(count).fill('normal');
  if (!isNumbers(types) || types.length !== count) {
    throw unusable('tokenizer.ggml.token_type', `must be ${count} numbers, one a token`);
  }
  return types.map((type) => kindNames[type - 1] ?? 'normal');
}

function tokenIdAt(metadata: GgufMetadata, key: string, count: number): number | undefined {
  const value = metadata[key];
  if (value === undefined) return undefined;
  const id = Number(value);
  if (Number.isInteger(id) && id >= 0 && id < count) return id;
  throw unusable(key, `${String(value)} must be a token id below ${count}`);
}

function stringAt(metadata: GgufMetadata, key: string): string {
  const value = optionalStringAt(metadata, key);
  if (value === undefined) throw unusable(key, 'is missing');
  return value;
}

function optionalStringAt(metadata: GgufMetadata, key: string): string | undefined {
  const value = metadata[key];
  if (value === undefined || typeof value === 'string') return value;
  throw unusable(key, `must be a string, not ${typeof value}`);
}

function booleanAt(metadata: GgufMetadata, key: string): boolean | undefined {
  const value = metadata[key];
  if (value === undefined || typeof value === 'boolean') return value;
  throw unusable(key, `must be a boolean, not ${typeof value}`);
}

function stringsAt(metadata: GgufMetadata, key: string): readonly string[] {
  const value: unknown = metadata[key];
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value;
  throw unusable(key, value === undefined ? 'is missing' : 'must be a list of strings');
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

function unusable(key: string, problem: string): ServingError {
  return new ServingError('model_unusable', `the model file's ${key} ${problem}`);
}
