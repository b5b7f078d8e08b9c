import { type Rng, seededRng } from '@sluice/shared';
import type { DecoderConfig, RopeConfig } from './architectures/config.js';
import { dequantize } from './gguf/dequantize/dequantize.js';
import { encodeTensor } from './gguf/encode-tensor.js';
import { type WritableValue, writeGguf } from './gguf/gguf-writer.js';
import type { TensorType } from './gguf/tensor-types.js';
import type { ReferenceTensor } from './reference.js';
import { tinyTokenizer, tinyVocabularyCount } from './tiny-tokenizer.js';

/** A made-up llama model, small enough for the reference decoder, for tests and trials without a download. */
export interface TinyModel {
  readonly config: DecoderConfig;
  /** By GGUF tensor name; exactly what `gguf` holds, after its rounding. */
  readonly weights: ReadonlyMap<string, ReferenceTensor>;
  /** The bytes of a whole GGUF file, with a byte-level tokenizer and a ChatML template inside. */
  readonly gguf: Uint8Array<ArrayBuffer>;
}

export interface TinyModelOptions extends Partial<Omit<DecoderConfig, 'architecture' | 'vocabularyCount' | 'rope'>> {
  readonly rope?: Partial<Omit<RopeConfig, 'interleaved'>>;
  /** Type of the matrices in the file; default F32. Norms are always F32. */
  readonly matrixType?: Extract<TensorType, 'F32' | 'F16' | 'Q8_0' | 'Q4_0' | 'Q4_1'>;
  /** The head is the embedding; default true. */
  readonly tied?: boolean;
}

/**
 * Random weights that the seed decides: 2 layers, hidden 64, 4 heads over 2 key-value heads of 16, feed-forward 96,
 * vocabulary 288. Scaled so that the next token depends on the tokens before it and the likeliest one stands out.
 */
export function tinyModel(seed: number, options: TinyModelOptions = {}): TinyModel {
  const { matrixType = 'F32', tied = true, rope, ...sizes } = options;
  const config: DecoderConfig = {
    architecture: 'llama',
    layers: 2,
    hidden: 64,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    feedForward: 96,
    contextTokens: 512,
    normEpsilon: 1e-5,
    slidingWindowTokens: undefined,
    ...sizes,
    vocabularyCount: tinyVocabularyCount,
    rope: { base: 10_000, positionDivisor: 1, frequencyFactors: undefined, ...rope, interleaved: true },
  };
  const rng = seededRng(seed);
  const types = new Map<string, TensorType>();
  const weights = new Map<string, ReferenceTensor>();
  for (const { name, shape, mean, deviation } of tensorsOf(config, tied)) {
    const drawn = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => mean + deviation * normal(rng));
    const type = shape.length === 1 ? 'F32' : matrixType;
    types.set(name, type);
    weights.set(name, { shape, data: dequantize(type, encodeTensor(type, drawn), drawn.length) });
  }
  const factors = config.rope.frequencyFactors;
  if (factors) weights.set('rope_freqs.weight', { shape: [factors.length], data: Float32Array.from(factors) });
  const tensors = [...weights].map(([name, { shape, data }]) => ({
    name,
    type: types.get(name) ?? 'F32',
    shape,
    data,
  }));
  return { config, weights, gguf: writeGguf({ metadata: { ...metadataOf(config), ...tinyTokenizer() }, tensors }) };
}

interface DrawnTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly mean: number;
  readonly deviation: number;
}

function tensorsOf(config: DecoderConfig, tied: boolean): DrawnTensor[] {
  const { hidden, heads, kvHeads, headDim, feedForward, vocabularyCount } = config;
  /** `gain`: deviation of an output for inputs of deviation 1. */
  const matrix = (name: string, outputs: number, inputs: number, gain: number): DrawnTensor => ({
    name: `${name}.weight`,
    shape: [outputs, inputs],
    mean: 0,
    deviation: gain / Math.sqrt(inputs),
  });
  const norm = (name: string): DrawnTensor => ({ name: `${name}.weight`, shape: [hidden], mean: 1, deviation: 0.1 });
  const layers = Array.from({ length: config.layers }, (_, layer) => [
    norm(`blk.${layer}.attn_norm`),
    matrix(`blk.${layer}.attn_q`, heads * headDim, hidden, 1.5),
    matrix(`blk.${layer}.attn_k`, kvHeads * headDim, hidden, 1.5),
    matrix(`blk.${layer}.attn_v`, kvHeads * headDim, hidden, 1.5),
    matrix(`blk.${layer}.attn_output`, hidden, heads * headDim, 2),
    norm(`blk.${layer}.ffn_norm`),
    matrix(`blk.${layer}.ffn_gate`, feedForward, hidden, 1.5),
    matrix(`blk.${layer}.ffn_up`, feedForward, hidden, 1.5),
    matrix(`blk.${layer}.ffn_down`, hidden, feedForward, 2),
  ]);
  return [
    matrix('token_embd', vocabularyCount, hidden, 4),
    ...layers.flat(),
    norm('output_norm'),
    ...(tied ? [] : [matrix('output', vocabularyCount, hidden, 4)]),
  ];
}

function metadataOf(config: DecoderConfig): Record<string, WritableValue> {
  const { rope, slidingWindowTokens: window } = config;
  const float = (value: number): WritableValue => ({ type: 'float32', value });
  return {
    'general.architecture': 'llama',
    'general.name': 'Tiny random llama',
    'llama.block_count': config.layers,
    'llama.context_length': config.contextTokens,
    'llama.embedding_length': config.hidden,
    'llama.feed_forward_length': config.feedForward,
    'llama.attention.head_count': config.heads,
    'llama.attention.head_count_kv': config.kvHeads,
    'llama.attention.key_length': config.headDim,
    'llama.attention.value_length': config.headDim,
    'llama.attention.layer_norm_rms_epsilon': float(config.normEpsilon),
    ...(window === undefined ? {} : { 'llama.attention.sliding_window': window }),
    'llama.rope.dimension_count': config.headDim,
    'llama.rope.freq_base': float(rope.base),
    ...(rope.positionDivisor === 1
      ? {}
      : { 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': float(rope.positionDivisor) }),
    'llama.vocab_size': config.vocabularyCount,
  };
}

/** Box and Muller's normal numbers, one of each pair. */
function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}
