import { ServingError } from '@sluice/shared';
import type { GraphBuilder } from '../compile/graph-builder.js';
import { HEAD, HIDDEN } from '../compile/lane-names.js';
import { packedAttention } from '../compile/packed-attention.js';
import { BLOCK } from '../compile/quantize.js';
import { floatShaping, rowShaping } from '../compile/row-shaping.js';
import { countedBy, type LayerRows, type ScaledRows } from '../compile/rows.js';
import type { SourceMatrix } from '../compile/source-matrix.js';
import type { GgufFile } from '../gguf/gguf-file.js';
import type { Architecture, BuildContext } from './architecture.js';
import type { DecoderConfig } from './config.js';

/**
 * Llama 1 to 3, SmolLM2, Mistral: RMS norm, rotary positions, grouped-query attention, SwiGLU (Touvron et al. 2023;
 * Dubey et al. 2024). Tensor names are GGUF's.
 */
export const llama: Architecture = { readConfig, buildBlocks, buildHead, lastNorm };

const OUTPUT_NORM = 'output_norm.weight';

async function readConfig(file: GgufFile): Promise<DecoderConfig> {
  const { metadata } = file;
  const refuse = (what: string): never => {
    throw new ServingError('model_unusable', `${file.path}: ${what}`);
  };
  const number = (key: string): number => metadata.number(`llama.${key}`);
  const optional = (key: string): number | undefined => metadata.optionalNumber(`llama.${key}`);
  const heads = number('attention.head_count');
  const hidden = number('embedding_length');
  const headDim = optional('attention.key_length') ?? hidden / heads;
  const scaling = metadata.optionalString('llama.rope.scaling.type') ?? 'none';
  if (scaling !== 'none' && scaling !== 'linear') {
    refuse(`rotary scaling "${scaling}" is not supported (supported: none, linear)`);
  }
  const config: DecoderConfig = {
    architecture: 'llama',
    layers: number('block_count'),
    hidden,
    heads,
    kvHeads: optional('attention.head_count_kv') ?? heads,
    headDim,
    feedForward: number('feed_forward_length'),
    vocabularyCount: file.tensor('token_embd.weight').shape[0] ?? 0,
    contextTokens: number('context_length'),
    normEpsilon: number('attention.layer_norm_rms_epsilon'),
    rope: {
      base: optional('rope.freq_base') ?? 10_000,
      positionDivisor: scaling === 'linear' ? number('rope.scaling.factor') : 1,
      frequencyFactors: file.tensors.has('rope_freqs.weight')
        ? [...(await file.readTensor('rope_freqs.weight'))]
        : undefined,
      interleaved: true,
    },
    slidingWindowTokens: optional('attention.sliding_window'),
  };
  for (const [name, value] of Object.entries(config)) {
    if (typeof value === 'number' && !(value > 0)) refuse(`${name} ${value} must be above 0`);
  }
  if (heads % config.kvHeads !== 0) refuse(`${heads} heads must be a multiple of ${config.kvHeads} key-value heads`);
  if (headDim % 16 !== 0) refuse(`head dimension ${headDim} must be a multiple of 16`);
  const { positionDivisor } = config.rope;
  if (!(positionDivisor > 0)) refuse(`rotary scaling factor ${positionDivisor} must be above 0`);
  const rotated = optional('rope.dimension_count') ?? headDim;
  if (rotated !== headDim) refuse(`rotary dimension ${rotated} must equal head dimension ${headDim}`);
  const valueDim = optional('attention.value_length') ?? headDim;
  if (valueDim !== headDim) refuse(`value dimension ${valueDim} must equal key dimension ${headDim}`);
  const experts = optional('expert_count') ?? 0;
  if (experts > 0) refuse(`mixture of ${experts} experts is not supported`);
  for (const width of [hidden, config.feedForward, heads * headDim]) {
    if (width % BLOCK !== 0) refuse(`layer width ${width} must be a multiple of ${BLOCK}`);
  }
  checkTensors(file, config);
  return config;
}

function buildBlocks(builder: GraphBuilder, context: BuildContext): void {
  const { config, file, linear, basis } = context;
  const attention = packedAttention(builder, context);
  const shaping = rowShaping(builder, context);
  const normWeight = (norm: SourceMatrix): string =>
    builder.weight(norm.name, 'float32', [config.hidden], basis.norm(norm));

  const ids = builder.input('ids', 'int64', ['tokens']);
  const embedding = basis.holds(matrix(file, 'token_embd.weight'));
  let residual = linear.lookUp(builder, ids, 'token_embd', embedding, 'embedded');
  /** What the last layer added, not yet part of the residual: the norm in front of the next adds it on the way. */
  let addition: ScaledRows | undefined;
  /** Where the rows are not all tokens: what counts them. */
  let kept: string | undefined;

  const normed = (norm: SourceMatrix, name: string): LayerRows => {
    const { rows, residual: sum } = shaping.norm(residual, addition, normWeight(norm), name);
    residual = sum;
    return countedBy(rows, kept);
  };

  for (let layer = 0; layer < config.layers; layer++) {
    const at = (name: string): string => `layer${layer}.${name}`;
    const weights = (name: string): SourceMatrix => matrix(file, `blk.${layer}.${name}.weight`);
    const behind = (norm: SourceMatrix, name: string): SourceMatrix => basis.reads(weights(name), norm);

    const attentionNorm = column(file, `blk.${layer}.attn_norm.weight`);
    const input = normed(attentionNorm, at('attention_in'));
    const [queries, keys] = [behind(attentionNorm, 'attn_q'), behind(attentionNorm, 'attn_k')];
    const qkv = [queries, keys, basis.givesValues(behind(attentionNorm, 'attn_v'))];
    const heads = linear.apply(builder, input, at('qkv'), qkv, at('qkv_out'));
    let attended = attention.attend(layer, heads);
    if (layer === config.layers - 1 && context.kept !== undefined) {
      kept = context.kept;
      attended = builder.node('Gather', [attended, kept], at('attended'));
      residual = builder.node('Gather', [residual, kept], at('residual'));
    }
    const output = basis.writes(basis.readsValues(weights('attn_output')));
    const read = countedBy({ value: attended, scale: undefined }, kept);
    addition = linear.apply(builder, read, at('o'), [output], at('attention_out'));

    const feedNorm = column(file, `blk.${layer}.ffn_norm.weight`);
    const fed = normed(feedNorm, at('feed_in'));
    const matrices = [behind(feedNorm, 'ffn_gate'), behind(feedNorm, 'ffn_up')] as const;
    const gated = countedBy(linear.applyGated(builder, fed, at('gate_up'), matrices, at('gated')), kept);
    addition = linear.applyUneven(builder, gated, at('down'), basis.writes(weights('ffn_down')), at('feed_out'));
  }
  // Others read it too, and the head quantizes only the rows that are wanted.
  const floats = floatShaping(builder, config.normEpsilon);
  floats.norm(residual, addition, normWeight(lastNorm(file)), HIDDEN);
}

function lastNorm(file: GgufFile): SourceMatrix {
  return column(file, OUTPUT_NORM);
}

function buildHead(builder: GraphBuilder, { file, linear, basis }: BuildContext, input: ScaledRows): string {
  const source = file.tensors.has('output.weight') ? 'output' : 'token_embd';
  const weights = basis.reads(matrix(file, `${source}.weight`), lastNorm(file));
  // A head in 4 bits costs more quality than it saves: it stays in blocks of 8 bits, as most GGUF files keep it.
  const mode = linear.mode === 'q4' ? 'q8' : linear.mode;
  // In blocks a tied head reads the bytes that ids are looked up in.
  return linear.applyWhole(builder, input, mode === 'w8a8' ? HEAD : source, [weights], 'logits', mode);
}

/** A vector as a matrix with a row for each of its numbers. */
function column(file: GgufFile, name: string): SourceMatrix {
  return { name, rows: file.tensor(name).shape[0] ?? 0, columns: 1, read: () => file.readTensor(name) };
}

function matrix(file: GgufFile, name: string): SourceMatrix {
  const [rows = 0, columns = 0] = file.tensor(name).shape;
  return { name, rows, columns, read: () => file.readTensor(name) };
}

/** Every tensor the graph reads is there in the shape the metadata promises, and none is there that it would ignore. */
function checkTensors(file: GgufFile, config: DecoderConfig): void {
  const { hidden, feedForward, vocabularyCount } = config;
  const known = new Set<string>();
  const check = (name: string, shape: readonly number[]): void => {
    known.add(name);
    const actual = file.tensor(name).shape;
    if (actual.join() === shape.join()) return;
    throw new ServingError(
      'model_unusable',
      `${file.path}: tensor ${name} has shape [${actual.join(', ')}] where its metadata says [${shape.join(', ')}]`,
    );
  };
  check('token_embd.weight', [vocabularyCount, hidden]);
  check('output_norm.weight', [hidden]);
  if (file.tensors.has('output.weight')) check('output.weight', [vocabularyCount, hidden]);
  if (file.tensors.has('rope_freqs.weight')) check('rope_freqs.weight', [config.headDim / 2]);
  const attention = config.heads * config.headDim;
  const keys = config.kvHeads * config.headDim;
  const shapes: Record<string, readonly number[]> = {
    attn_norm: [hidden],
    attn_q: [attention, hidden],
    attn_k: [keys, hidden],
    attn_v: [keys, hidden],
    attn_output: [hidden, attention],
    ffn_norm: [hidden],
    ffn_gate: [feedForward, hidden],
    ffn_up: [feedForward, hidden],
    ffn_down: [hidden, feedForward],
  };
  // Checked one by one, so that an absurd number of layers ends at the first that is not there.
  for (let layer = 0; layer < config.layers; layer++) {
    for (const [name, shape] of Object.entries(shapes)) check(`blk.${layer}.${name}.weight`, shape);
  }
  for (const name of file.tensors.keys()) {
    if (known.has(name)) continue;
    throw new ServingError('model_unusable', `${file.path}: tensor ${name} is not part of a llama model as known here`);
  }
}
