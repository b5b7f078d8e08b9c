import { architectureOf } from '../architectures/architecture.js';
import type { GgufFile } from '../gguf/gguf-file.js';
import { GraphBuilder } from './graph-builder.js';
import { KvFormat } from './kv-format.js';
import { LinearLayers } from './linear.js';
import { encodeModel } from './onnx.js';
import { WeightTable } from './weight-table.js';

/** A graph that says how large its values get. */
export interface ObservedGraph {
  readonly onnx: Uint8Array;
  /** Inputs of linear layers, by the layer's name, and of each attention layer its {@link keysOf} and {@link valuesOf}. */
  readonly observed: readonly Observed[];
}

export interface Observed {
  readonly name: string;
  /** Name of a float32 [columns]: the largest magnitude of each column in the pass. */
  readonly output: string;
  readonly columns: number;
}

/** Lengths of the pairs that positions turn: [kvHeads * headDim / 2]. No angle makes a channel larger than its pair. */
export const keysOf = (layer: number): string => `layer${layer}.keys`;
/** [kvHeads * headDim] */
export const valuesOf = (layer: number): string => `layer${layer}.values`;

/**
 * The blocks of a model in 8-bit blocks with one prefill lane, over the same file of weights as the graphs of that mode,
 * and without a head.
 */
export async function observedGraph(file: GgufFile, weightsFile: string): Promise<ObservedGraph> {
  const architecture = architectureOf(file);
  const config = await architecture.readConfig(file);
  const builder = new GraphBuilder('observed', new WeightTable(weightsFile));
  const observed: Observed[] = [];
  /** @param magnitudes [tokens, columns] */
  const observe = (name: string, magnitudes: string, columns: number): void => {
    const output = `${name}.largest`;
    const rows = builder.integers('axis_rows', [0]);
    builder.node('ReduceMax', [magnitudes, rows], output, { keepdims: { int: 0 } });
    builder.output(output, 'float32', [columns]);
    observed.push({ name, columns, output });
  };
  const linear = new LinearLayers('q8', {
    onInput: (builder, name, input, columns) =>
      observe(name, builder.node('Abs', [input], `${name}.magnitudes`), columns),
  });
  const kv = new KvFormat('f32', {
    onHeads: (builder, layer, qkv) => {
      const { heads, kvHeads, headDim, rope } = config;
      const width = kvHeads * headDim;
      const part = (name: string, from: number): string =>
        builder.node(
          'Slice',
          [
            qkv,
            builder.integers(`${name}.from`, [from]),
            builder.integers(`${name}.to`, [from + width]),
            builder.integers('axis_columns', [1]),
          ],
          name,
        );
      const keys = part(keysOf(layer), heads * headDim);
      const pairShape = rope.interleaved ? [0, kvHeads, headDim / 2, 2] : [0, kvHeads, 2, headDim / 2];
      const pairs = builder.node('Reshape', [keys, builder.integers('shape_pairs', pairShape)], `${keys}.pairs`);
      const axis = builder.integers('axis_pair', [rope.interleaved ? 3 : 2]);
      const lengths = builder.node('ReduceL2', [pairs, axis], `${keys}.lengths`, { keepdims: { int: 0 } });
      const flat = builder.integers('shape_lengths', [0, width / 2]);
      observe(keys, builder.node('Reshape', [lengths, flat], `${keys}.flat`), width / 2);
      const values = part(valuesOf(layer), (heads + kvHeads) * headDim);
      observe(values, builder.node('Abs', [values], `${values}.magnitudes`), width);
    },
  });
  architecture.buildBlocks(builder, { file, config, linear, kv, chunks: 1, decodeTokens: 1 });
  return { onnx: encodeModel(builder.graph()), observed };
}
