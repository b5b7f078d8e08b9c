import { ServingError } from '@sluice/shared';
import { endTokenIdsOf } from './end-tokens.js';
import type { TokenizerDefinition, TokenKind } from './tokenizer-definition.js';

/**
 * Reads the tokenizer out of a parsed `tokenizer.json` (the format of Hugging Face's tokenizers) and, where there is one,
 * the parsed `tokenizer_config.json` beside it, which names the begin and end tokens and holds the chat template.
 * @throws ServingError `model_unusable` naming the part that is missing or unknown.
 */
export function readJsonTokenizer(json: unknown, config: unknown = {}): TokenizerDefinition {
  if (!isRecord(json) || !isRecord(json.model)) throw unusable('tokenizer.json', 'has no "model"');
  if (!isRecord(config)) throw unusable('tokenizer_config.json', 'is not an object');
  const { tokens, kinds } = tokensOf(json, json.model);
  const idOf = (value: unknown): number | undefined => {
    const content = isRecord(value) ? value.content : value;
    const id = typeof content === 'string' ? tokens.indexOf(content) : -1;
    return id < 0 ? undefined : id;
  };
  const first = firstTemplateToken(json.post_processor);
  const beginTokenId = idOf(config.bos_token) ?? idOf(first);
  const endTokenId = idOf(config.eos_token);
  const steps = typesWithin(json.decoder);
  return {
    tokens,
    kinds,
    spelling: steps.has('ByteLevel') ? 'byte-level' : 'sentencepiece',
    addSpacePrefix: steps.has('Strip') || steps.has('Metaspace'),
    beginTokenId,
    addBegin: first === undefined ? config.add_bos_token === true : idOf(first) === beginTokenId,
    endTokenId,
    endTokenIds: endTokenIdsOf(tokens, kinds, [endTokenId]),
    chatTemplate: chatTemplateOf(config.chat_template),
    encoder: {
      kind: 'library',
      json: { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...json },
    },
  };
}

function tokensOf(
  json: Record<string, unknown>,
  model: Record<string, unknown>,
): { tokens: string[]; kinds: TokenKind[] } {
  const tokens: string[] = [];
  const kinds: TokenKind[] = [];
  const set = (id: unknown, content: unknown, kind: TokenKind): void => {
    const sound =
      typeof content === 'string' && typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 2 ** 24;
    if (!sound) throw unusable('tokenizer.json', `has a token without a sound id (${String(id)})`);
    tokens[id] = content;
    kinds[id] = kind;
  };
  const vocabulary = model.vocab;
  const byteTokens = model.byte_fallback === true;
  const kindOf = (content: unknown): TokenKind =>
    byteTokens && typeof content === 'string' && /^<0x[0-9A-F]{2}>$/.test(content) ? 'byte' : 'normal';
  if (Array.isArray(vocabulary)) {
    for (const [id, row] of vocabulary.entries()) {
      const content: unknown = Array.isArray(row) ? row[0] : undefined;
      set(id, content, kindOf(content));
    }
  } else if (isRecord(vocabulary)) {
    for (const [content, id] of Object.entries(vocabulary)) set(id, content, kindOf(content));
  } else {
    throw unusable('tokenizer.json', 'has no "model.vocab"');
  }
  const added: unknown = json.added_tokens ?? [];
  if (!Array.isArray(added)) throw unusable('tokenizer.json', 'has "added_tokens" that are not a list');
  for (const token of added) {
    if (!isRecord(token)) throw unusable('tokenizer.json', 'has an added token that is not an object');
    set(token.id, token.content, token.special === true ? 'control' : 'userDefined');
  }
  // Ids may have gaps; a gap is a token that no text gives and that stands for no text.
  for (let id = 0; id < tokens.length; id++) {
    tokens[id] ??= '';
    kinds[id] ??= 'unused';
  }
  return { tokens, kinds };
}

/** The token that the post-processor puts in front of a text, if it puts one. */
function firstTemplateToken(processor: unknown): string | undefined {
  if (!isRecord(processor)) return undefined;
  if (processor.type === 'Sequence' && Array.isArray(processor.processors)) {
    return processor.processors.map(firstTemplateToken).find((token) => token !== undefined);
  }
  const single: unknown = Array.isArray(processor.single) ? processor.single[0] : undefined;
  const special = isRecord(single) ? single.SpecialToken : undefined;
  return isRecord(special) && typeof special.id === 'string' ? special.id : undefined;
}

/** The `type` of a step and of the steps in it. */
function typesWithin(step: unknown): Set<string> {
  if (!isRecord(step)) return new Set();
  const inner = Array.isArray(step.decoders) ? step.decoders.flatMap((one) => [...typesWithin(one)]) : [];
  return new Set([...inner, ...(typeof step.type === 'string' ? [step.type] : [])]);
}

/** A template, or a list of named ones of which `default` is meant. */
function chatTemplateOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const chosen: unknown = value.find((one) => isRecord(one) && one.name === 'default');
  return isRecord(chosen) && typeof chosen.template === 'string' ? chosen.template : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unusable(file: string, problem: string): ServingError {
  return new ServingError('model_unusable', `the model's ${file} ${problem}`);
}
