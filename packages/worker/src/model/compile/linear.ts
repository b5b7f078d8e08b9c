import { assert } from '@sluice/shared';
import type { Calibration } from './calibration.js';
import { gatedRows } from './gating.js';
import type { GraphBuilder } from './graph-builder.js';
import type { Kernels } from './kernels.js';
import { BlockLayers } from './linear-blocks.js';
import { Int8Layers } from './linear-int8.js';
import { mixedColumns, mixNeighbours } from './neighbour-mixing.js';
import { transpose } from './quantize.js';
import { isQuantized, type LayerRows, multiplied, type ScaledRows } from './rows.js';
import { rowsOf, type SourceMatrix, stacked } from './source-matrix.js';

/**
 * How linear layers compute: weights in 8-bit blocks, in 4-bit blocks with zero points, in 8-bit integers with a scale
 * for each output and 8-bit inputs with one for each token, or all in 32-bit floats.
 */
export type WeightMode = 'q8' | 'q4' | 'w8a8' | 'f32';
export const weightModes: readonly WeightMode[] = ['q8', 'q4', 'w8a8', 'f32'];

export interface LinearOptions {
  /** Default: the runtime's. */
  readonly kernels?: Kernels;
  /** Needed for w8a8. */
  readonly calibration?: Calibration;
  /** Shapes inputs as w8a8 does, in whatever mode: for a graph that observes them. */
  readonly isForInt8?: boolean;
  /** Called for every layer's input, where the graph is built to observe them. */
  readonly onInput?: (builder: GraphBuilder, layer: string, input: string, columns: number) => void;
}

/** Writes linear layers into graphs, all in one weight mode. */
export class LinearLayers {
  readonly mode: WeightMode;
  readonly #blocks = new BlockLayers();
  readonly #int8: Int8Layers;
  readonly #options: LinearOptions;

  constructor(mode: WeightMode, options: LinearOptions = {}) {
    assert(mode !== 'w8a8' || options.calibration !== undefined, 'w8a8 is calibrated first');
    this.mode = mode;
    this.#int8 = new Int8Layers(options.calibration?.moments ?? new Map(), options.kernels ?? 'runtime');
    this.#options = options;
  }

  /**
   * output = input × (matrices on top of each other)ᵀ, before its rows are multiplied by their scales.
   * @param input [rows, columns]; @param name of the layer's weights, the same in every graph of the model.
   */
  apply(
    builder: GraphBuilder,
    input: LayerRows,
    name: string,
    matrices: readonly SourceMatrix[],
    output: string,
    mode: WeightMode = this.mode,
  ): ScaledRows {
    const columns = matrices[0]!.columns;
    assert(
      matrices.every((matrix) => matrix.columns === columns),
      `columns of ${name}`,
    );
    if (!isQuantized(input)) this.#options.onInput?.(builder, name, input.value, columns);
    if (mode === 'w8a8') return this.#int8.apply(builder, input, name, matrices, output);
    assert(!isQuantized(input), `layer ${name} in ${mode} reads floats`);
    if (mode === 'f32') {
      const rows = rowsOf(matrices);
      const weight = builder.weight(`${name}.f32`, 'float32', [columns, rows], async () =>
        transpose(await stacked(matrices), rows, columns),
      );
      return { value: builder.node('MatMul', [input.value, weight], output), scale: input.scale };
    }
    return { value: this.#blocks.apply(builder, input.value, name, matrices, output, mode), scale: input.scale };
  }

  /** As {@link apply}, and the rows are multiplied. */
  applyWhole(
    builder: GraphBuilder,
    input: LayerRows,
    name: string,
    matrices: readonly SourceMatrix[],
    output: string,
    mode: WeightMode = this.mode,
  ): string {
    if (mode === 'w8a8') return this.#int8.applyWhole(builder, input, name, matrices, output);
    const unscaled = !isQuantized(input) && input.scale !== undefined ? `${output}.unscaled` : output;
    return multiplied(builder, this.apply(builder, input, name, matrices, unscaled, mode), output);
  }

  /**
   * SiLU(input × gateᵀ) × (input × upᵀ), for {@link applyUneven} to read.
   * @param matrices gate and up, of as many outputs.
   */
  applyGated(
    builder: GraphBuilder,
    input: LayerRows,
    name: string,
    matrices: readonly [SourceMatrix, SourceMatrix],
    output: string,
  ): LayerRows {
    if (this.mode === 'w8a8' && this.#options.kernels === 'own') {
      return this.#int8.applyGated(builder, input, name, matrices, output);
    }
    const [gate, up] = this.#applyPair(builder, input, name, matrices, [`${output}.gate_out`, `${output}.up_out`]);
    return gatedRows(builder, gate!, up!, output);
  }

  /**
   * Two layers that read the same input, each as {@link apply}. In blocks they are one layer, and its outputs are split: the
   * kernel would quantize the input for each of them.
   */
  #applyPair(
    builder: GraphBuilder,
    input: LayerRows,
    name: string,
    matrices: readonly [SourceMatrix, SourceMatrix],
    outputs: readonly [string, string],
  ): ScaledRows[] {
    if (this.mode === 'w8a8') {
      const layers = matrices.map((matrix) => [matrix]);
      return this.#int8.applyEach(builder, input, name, layers, outputs);
    }
    const both = this.applyWhole(builder, input, name, matrices, `${name}_out`);
    builder.nodeWithOutputs('Split', [both], outputs, { axis: { int: -1 }, num_outputs: { int: 2 } });
    return outputs.map((value) => ({ value, scale: undefined }));
  }

  /**
   * As {@link apply}, for inputs whose largest values stand in other channels for every token, which would set the one scale
   * of a row in 8-bit integers: there each channel is mixed with its neighbours first, where whoever quantized the input
   * has not done so.
   */
  applyUneven(builder: GraphBuilder, input: LayerRows, name: string, matrix: SourceMatrix, output: string): ScaledRows {
    if (this.mode !== 'w8a8' && this.#options.isForInt8 !== true) {
      return this.apply(builder, input, name, [matrix], output);
    }
    const mixed = isQuantized(input)
      ? input
      : { ...input, value: mixNeighbours(builder, input.value, matrix.columns, `${output}.mixed`) };
    return this.apply(builder, mixed, name, [mixedColumns(matrix)], output);
  }

  /**
   * output = rows of the matrix, picked by id. In 8-bit blocks the rows come from the same bytes as a linear layer of
   * that name reads, so that a tied embedding and head are stored once.
   */
  lookUp(builder: GraphBuilder, ids: string, name: string, matrix: SourceMatrix, output: string): string {
    if (this.mode === 'f32') {
      const weight = builder.weight(`${name}.rows`, 'float32', [matrix.rows, matrix.columns], () => matrix.read());
      return builder.node('Gather', [weight, ids], output);
    }
    return this.#blocks.lookUp(builder, ids, name, matrix, output, this.#options.kernels ?? 'runtime');
  }
}
