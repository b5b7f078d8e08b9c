import { architectureOf } from '../architectures/architecture.js';
import type { DecoderConfig } from '../architectures/config.js';
import type { GgufFile } from '../gguf/gguf-file.js';
import { GraphBuilder } from './graph-builder.js';
import { basisOf } from './hidden-basis.js';
import { momentsBlock } from './input-moments.js';
import { KvFormat } from './kv-format.js';
import { HEAD, HIDDEN } from './lane-names.js';
import { LinearLayers, type WeightMode } from './linear.js';
import { encodeModel } from './onnx.js';
import { WeightTable } from './weight-table.js';

/** A graph that says what its values are like. */
export interface ObservedGraph {
  readonly onnx: Uint8Array;
  readonly weights: WeightTable;
  readonly observed: readonly Observed[];
}

export interface Observed {
  /** A linear layer for the moments of its input, or {@link keysOf} and {@link valuesOf} a layer for the largest magnitudes. */
  readonly name: string;
  /** Name of a float32 output of the graph. */
  readonly output: string;
  /** [blocks, block, block] sums of products, or [columns] largest magnitudes. */
  readonly shape: readonly number[];
  /** What passes give goes together by this. */
  readonly join: 'sum' | 'max';
}

/** Lengths of the pairs that positions turn: [kvHeads * headDim / 2]. No angle makes a channel larger than its pair. */
export const keysOf = (layer: number): string => `layer${layer}.keys`;
/** [kvHeads * headDim] */
export const valuesOf = (layer: number): string => `layer${layer}.values`;

/**
 * The blocks of a model in 8-bit blocks with one prefill lane, and without a head.
 * @param mode whose calibration it is for: inputs of linear layers are observed as they come there.
 */
export async function observedGraph(file: GgufFile, mode: WeightMode, weightsFile: string): Promise<ObservedGraph> {
  const architecture = architectureOf(file);
  const config = await architecture.readConfig(file);
  const weights = new WeightTable(weightsFile);
  const builder = new GraphBuilder('observed', weights);
  const observed: Observed[] = [];
  const isForInt8 = mode === 'w8a8';

  /** Sums over tokens of the products of channels. @param input [tokens, columns] */
  const observeMoments = (name: string, input: string, columns: number): void => {
    const block = momentsBlock(columns);
    const output = `${name}.moments`;
    const shape = builder.integers(`shape_blocks_${columns}`, [-1, columns / block, block]);
    const blocks = builder.node('Reshape', [input, shape], `${name}.blocks`);
    const left = builder.node('Transpose', [blocks], `${name}.left`, { perm: { ints: [1, 2, 0] } });
    const right = builder.node('Transpose', [blocks], `${name}.right`, { perm: { ints: [1, 0, 2] } });
    builder.node('MatMul', [left, right], output);
    builder.output(output, 'float32', [columns / block, block, block]);
    observed.push({ name, output, shape: [columns / block, block, block], join: 'sum' });
  };
  /** @param magnitudes [tokens, columns] */
  const observeLargest = (name: string, magnitudes: string, columns: number): void => {
    const output = `${name}.largest`;
    builder.node('ReduceMax', [magnitudes, builder.integers('axis_rows', [0])], output, { keepdims: { int: 0 } });
    builder.output(output, 'float32', [columns]);
    observed.push({ name, output, shape: [columns], join: 'max' });
  };

  const linear = new LinearLayers('q8', {
    isForInt8,
    ...(isForInt8 ? { onInput: (_, name, input, columns) => observeMoments(name, input, columns) } : {}),
  });
  const kv = new KvFormat('f32', {
    onHeads: (_, layer, qkv) => observeHeads(builder, config, layer, qkv, observeLargest),
  });
  const kernels = 'runtime' as const;
  const context = { file, config, linear, basis: basisOf(mode, config), kv, kernels, chunks: 1, decodeTokens: 1 };
  architecture.buildBlocks(builder, context);
  if (isForInt8) observeMoments(HEAD, HIDDEN, config.hidden);
  return { onnx: encodeModel(builder.graph()), weights, observed };
}

function observeHeads(
  builder: GraphBuilder,
  { heads, kvHeads, headDim, rope }: DecoderConfig,
  layer: number,
  qkv: string,
  observe: (name: string, magnitudes: string, columns: number) => void,
): void {
  const width = kvHeads * headDim;
  const part = (name: string, from: number): string => {
    const bounds = [builder.integers(`${name}.from`, [from]), builder.integers(`${name}.to`, [from + width])];
    return builder.node('Slice', [qkv, ...bounds, builder.integers('axis_columns', [1])], name);
  };
  const keys = part(keysOf(layer), heads * headDim);
  const pairShape = rope.interleaved ? [0, kvHeads, headDim / 2, 2] : [0, kvHeads, 2, headDim / 2];
  const pairs = builder.node('Reshape', [keys, builder.integers('shape_pairs', pairShape)], `${keys}.pairs`);
  const axis = builder.integers('axis_pair', [rope.interleaved ? 3 : 2]);
  const lengths = builder.node('ReduceL2', [pairs, axis], `${keys}.lengths`, { keepdims: { int: 0 } });
  const flat = builder.integers('shape_lengths', [0, width / 2]);
  observe(keys, builder.node('Reshape', [lengths, flat], `${keys}.flat`), width / 2);
  const values = part(valuesOf(layer), (heads + kvHeads) * headDim);
  observe(values, builder.node('Abs', [values], `${values}.magnitudes`), width);
}
