import { architectureOf } from '../architectures/architecture.js';
import type { GgufFile } from '../gguf/gguf-file.js';
import { GraphBuilder } from './graph-builder.js';
import { LinearLayers } from './linear.js';
import { encodeModel } from './onnx.js';
import { WeightTable } from './weight-table.js';

/** A graph that says what its linear layers read. */
export interface ObservedGraph {
  readonly onnx: Uint8Array;
  /** One for each layer; `output` is float32 [columns], the largest magnitude of each input channel in the pass. */
  readonly layers: readonly { readonly name: string; readonly columns: number; readonly output: string }[];
}

/**
 * The blocks of a model in 8-bit blocks with one prefill lane, over the same file of weights as the graphs of that mode,
 * and without a head.
 */
export async function observedGraph(file: GgufFile, weightsFile: string): Promise<ObservedGraph> {
  const architecture = architectureOf(file);
  const config = await architecture.readConfig(file);
  const builder = new GraphBuilder('observed', new WeightTable(weightsFile));
  const layers: { name: string; columns: number; output: string }[] = [];
  const linear = new LinearLayers('q8', {
    onInput: (builder, name, input, columns) => {
      const output = `${name}.largest`;
      const rows = builder.integers('axis_rows', [0]);
      builder.node('ReduceMax', [builder.node('Abs', [input], `${name}.magnitudes`), rows], output, {
        keepdims: { int: 0 },
      });
      builder.output(output, 'float32', [columns]);
      layers.push({ name, columns, output });
    },
  });
  architecture.buildBlocks(builder, { file, config, linear, chunks: 1 });
  return { onnx: encodeModel(builder.graph()), layers };
}
