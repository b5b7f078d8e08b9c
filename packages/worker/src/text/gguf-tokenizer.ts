import { ServingError } from '@sluice/shared';
import type { Metadata } from '../model/gguf/metadata.js';
import { endTokenIdsOf } from './end-tokens.js';
import { isolated } from './library-encoder.js';
import { preTokenizerNamed } from './pre-tokenizers.js';
import type { EncoderDefinition, TokenizerDefinition, TokenKind } from './tokenizer-definition.js';

/** What is read of a GGUF file's metadata; `model/gguf` has it. Missing keys throw where `optional` is not said. */
export type TokenizerMetadata = Pick<
  Metadata,
  'string' | 'optionalString' | 'strings' | 'numbers' | 'optionalNumbers' | 'optionalNumber' | 'optionalBoolean'
>;

/**
 * Reads the tokenizer out of a GGUF file's metadata: model `gpt2` (byte-level BPE) or `llama` (SentencePiece BPE).
 * @throws ServingError `model_unusable` naming the key that is missing, of the wrong type or unknown.
 */
export function readGgufTokenizer(metadata: TokenizerMetadata): TokenizerDefinition {
  const model = metadata.string('tokenizer.ggml.model');
  const tokens = metadata.strings('tokenizer.ggml.tokens');
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
    addBegin: metadata.optionalBoolean('tokenizer.ggml.add_bos_token') ?? family.addBegin,
    endTokenId,
    endTokenIds: endTokenIdsOf(tokens, kinds, [endTokenId, ...turnEnds]),
    chatTemplate: metadata.optionalString('tokenizer.chat_template'),
    encoder: family.encoder,
  };
}

interface Family extends Pick<TokenizerDefinition, 'spelling' | 'addSpacePrefix' | 'addBegin'> {
  readonly encoder: EncoderDefinition;
}

function familyOf(
  metadata: TokenizerMetadata,
  model: string,
  tokens: readonly string[],
  kinds: readonly TokenKind[],
): Family {
  switch (model) {
    case 'gpt2': {
      const pre = metadata.optionalString('tokenizer.ggml.pre') ?? 'default';
      const merges = metadata.strings('tokenizer.ggml.merges');
      return {
        spelling: 'byte-level',
        addSpacePrefix: false,
        addBegin: pre === 'llama-bpe' || pre === 'llama-v3' || pre === 'llama3' || pre === 'tekken',
        encoder: { kind: 'library', json: byteLevelJson(tokens, kinds, merges, pre) },
      };
    }
    case 'llama': {
      const scores = metadata.numbers('tokenizer.ggml.scores');
      if (scores.length !== tokens.length) {
        throw unusable('tokenizer.ggml.scores', `must be ${tokens.length} numbers, one a token`);
      }
      return {
        spelling: 'sentencepiece',
        addSpacePrefix: metadata.optionalBoolean('tokenizer.ggml.add_space_prefix') ?? true,
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
        ...splits.map(isolated),
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

function kindsOf(metadata: TokenizerMetadata, count: number): TokenKind[] {
  const types = metadata.optionalNumbers('tokenizer.ggml.token_type');
  if (types === undefined) return new Array<TokenKind>(count).fill('normal');
  if (types.length !== count) throw unusable('tokenizer.ggml.token_type', `must be ${count} numbers, one a token`);
  return types.map((type) => kindNames[type - 1] ?? 'normal');
}

function tokenIdAt(metadata: TokenizerMetadata, key: string, count: number): number | undefined {
  const id = metadata.optionalNumber(key);
  if (id === undefined || (Number.isInteger(id) && id >= 0 && id < count)) return id;
  throw unusable(key, `${id} must be a token id below ${count}`);
}

function unusable(key: string, problem: string): ServingError {
  return new ServingError('model_unusable', `the model file's ${key} ${problem}`);
}
