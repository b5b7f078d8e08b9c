import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openGguf } from '../../packages/worker/src/io/models/open-gguf.js';
import { Metadata, type MetadataValue } from '../../packages/worker/src/model/gguf/metadata.js';
import { parseMessages } from '../../packages/worker/src/text/chat-messages.js';
import { createChatTemplate } from '../../packages/worker/src/text/chat-template.js';
import { readGgufTokenizer } from '../../packages/worker/src/text/gguf-tokenizer.js';
import { readJsonTokenizer } from '../../packages/worker/src/text/json-tokenizer.js';
import { createTokenizer, type Tokenizer } from '../../packages/worker/src/text/tokenizer.js';
import type { TokenizerDefinition } from '../../packages/worker/src/text/tokenizer-definition.js';
import { defaultModelPath } from '../support/default-model.js';

interface Golden {
  readonly texts: readonly string[];
  readonly byteLevel: {
    readonly tokens: readonly string[];
    readonly kinds: readonly number[];
    readonly merges: readonly string[];
    readonly ids: Readonly<Record<string, readonly (readonly number[])[]>>;
    readonly plainIds: readonly (readonly number[])[];
  };
  readonly sentencepiece: {
    readonly tokens: readonly string[];
    readonly scores: readonly number[];
    readonly kinds: readonly number[];
    readonly ids: readonly (readonly number[])[];
  };
  readonly smollm2: { readonly ids: readonly (readonly number[])[] };
}

interface ModelGolden {
  readonly prompts: readonly { messages?: readonly object[]; text: string; promptIds: readonly number[] }[];
  readonly perplexity: { readonly ids: readonly number[] };
}

const golden = readJson<Golden>('tokenizers.json');

describe('createTokenizer, byte-level BPE', () => {
  for (const [pre, ids] of Object.entries(golden.byteLevel.ids)) {
    it(`gives the ids of the Rust tokenizers with the pre-tokenizer ${pre}`, () => {
      const tokenizer = createTokenizer(readGgufTokenizer(byteLevelMetadata(pre)));
      expectIds(encodeAll(tokenizer, true), ids);
    });
  }

  it('takes spelt-out control tokens for text when it is not asked to parse them', () => {
    const tokenizer = createTokenizer(readGgufTokenizer(byteLevelMetadata('smollm')));
    expectIds(encodeAll(tokenizer, false), golden.byteLevel.plainIds);
  });

  it('takes shielded control tokens for text even when it parses them', () => {
    const tokenizer = createTokenizer(readGgufTokenizer(byteLevelMetadata('smollm')));
    const ids = golden.texts.map((text) => tokenizer.encode(tokenizer.shield(text), { special: true }));
    expectIds(ids, golden.byteLevel.plainIds);
  });

  it('decodes to the text that was encoded', () => {
    const tokenizer = createTokenizer(readGgufTokenizer(byteLevelMetadata('llama-bpe')));
    for (const text of golden.texts) {
      const ids = tokenizer.encode(text, { special: true });
      expect(tokenizer.decode(ids, { special: true })).toBe(text.replace(/\p{Cs}/gu, '\uFFFD'));
    }
  });
});

describe('createTokenizer, SentencePiece BPE', () => {
  const tokenizer = createTokenizer(readGgufTokenizer(sentencepieceMetadata()));

  it('gives the ids of the sentencepiece library', () => {
    expectIds(encodeAll(tokenizer, false), golden.sentencepiece.ids);
  });

  it('decodes to the text that was encoded, without the space in front', () => {
    for (const text of golden.texts) {
      const ids = tokenizer.encode(text, { special: false });
      // U+2581 is how this kind of vocabulary spells a space: it does not survive.
      expect(tokenizer.decode(ids)).toBe(text.replace(/\p{Cs}/gu, '\uFFFD').replaceAll('\u2581', ' '));
    }
  });
});

describe('createTokenizer, from a tokenizer.json', () => {
  it('gives the ids of the Rust tokenizers for a byte-level BPE', () => {
    const { tokens, kinds, merges, ids } = golden.byteLevel;
    const definition = readJsonTokenizer({
      added_tokens: tokens.flatMap((content, id) =>
        kinds[id] === 1 ? [] : [{ id, content, special: kinds[id] === 3, normalized: false }],
      ),
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Digits', individual_digits: true },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        ],
      },
      decoder: { type: 'ByteLevel' },
      model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges },
    });
    const tokenizer = createTokenizer(definition);
    expectIds(encodeAll(tokenizer, true), ids.smollm ?? []);
    expectIds(encodeAll(tokenizer, false), golden.byteLevel.plainIds);
    expect(tokenizer.decode(tokenizer.encode('caf\u00e9', { special: false }))).toBe('caf\u00e9');
  });

  it('gives the ids of the sentencepiece library for a BPE with byte fallback', () => {
    const { tokens, kinds, ids } = golden.sentencepiece;
    const idOf = new Map(tokens.map((token, id) => [token, id]));
    // Pieces stand in the order of their scores; a merge is every way to put one together from two others.
    const merges = tokens
      .flatMap((piece, id) => (kinds[id] === 1 ? halvesOf(piece) : []))
      .filter((pair) => pair.every((half) => idOf.has(half)));
    const definition = readJsonTokenizer({
      added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true, normalized: false })),
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '\u2581' },
          { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' },
        ],
      },
      decoder: {
        type: 'Sequence',
        decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }],
      },
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>' } }, { Sequence: { id: 'A' } }],
        pair: [],
      },
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(idOf),
        merges,
        byte_fallback: true,
        fuse_unk: true,
        unk_token: '<unk>',
      },
    });
    const tokenizer = createTokenizer(definition);
    expectIds(encodeAll(tokenizer, false), ids);
    expect(tokenizer.encode('a', { special: true, begin: true })[0]).toBe(idOf.get('<s>'));
    expect(tokenizer.decode(tokenizer.encode('caf\u00e9 \u{1F600}', { special: false }))).toBe('caf\u00e9 \u{1F600}');
  });
});

const modelPath = defaultModelPath();

describe.skipIf(modelPath === undefined)('the default model (skipped where it was not fetched)', () => {
  let definition: TokenizerDefinition;
  let tokenizer: Tokenizer;
  const model = readJson<ModelGolden>('smollm2-135m.json');

  beforeAll(async () => {
    const file = await openGguf(modelPath ?? '');
    definition = readGgufTokenizer(file.metadata);
    tokenizer = createTokenizer(definition);
    await file.close();
  });

  it('gives the ids of the Rust tokenizers', () => {
    expectIds(encodeAll(tokenizer, true), golden.smollm2.ids);
  });

  it('gives the golden ids of a long text', () => {
    const text = readFileSync(new URL('text-en.txt', import.meta.url), 'utf8');
    expect(tokenizer.encode(text, { special: false })).toEqual(model.perplexity.ids);
  });

  it('renders and encodes chats as jinja2 and the Rust tokenizers do', () => {
    const { chatTemplate: template = '' } = definition;
    const chat = createChatTemplate({ definition, template, shield: tokenizer.shield, wallMs: () => 0 });
    const conversations = model.prompts.filter((prompt) => prompt.messages !== undefined);
    expect(conversations.length).toBeGreaterThan(5);
    for (const { messages, text, promptIds } of conversations) {
      const rendered = chat.render(parseMessages(JSON.stringify(messages)), { addGenerationPrompt: true });
      expect(rendered).toBe(text);
      expect(tokenizer.encode(rendered, { special: true, begin: true })).toEqual(promptIds);
    }
  });
});

function encodeAll(tokenizer: Tokenizer, special: boolean): number[][] {
  return golden.texts.map((text) => tokenizer.encode(text, { special }));
}

function halvesOf(piece: string): [string, string][] {
  const characters = [...piece];
  return characters
    .slice(1)
    .map((_, index) => [characters.slice(0, index + 1).join(''), characters.slice(index + 1).join('')]);
}

/** Names the first texts that differ instead of printing all. */
function expectIds(actual: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  const wrong = golden.texts.flatMap((text, index) =>
    JSON.stringify(actual[index]) === JSON.stringify(expected[index])
      ? []
      : [
          {
            index,
            text: text.slice(0, 60),
            actual: actual[index]?.slice(0, 20),
            expected: expected[index]?.slice(0, 20),
          },
        ],
  );
  expect(wrong.slice(0, 4)).toEqual([]);
  expect(actual.length).toBe(golden.texts.length);
}

function byteLevelMetadata(pre: string): Metadata {
  const { tokens, kinds, merges } = golden.byteLevel;
  return metadata({
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': pre,
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': kinds,
    'tokenizer.ggml.merges': merges,
  });
}

function sentencepieceMetadata(): Metadata {
  const { tokens, scores, kinds } = golden.sentencepiece;
  return metadata({
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': kinds,
    'tokenizer.ggml.scores': scores,
  });
}

function metadata(values: Readonly<Record<string, MetadataValue>>): Metadata {
  return new Metadata('golden', new Map(Object.entries(values)));
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as T;
}
