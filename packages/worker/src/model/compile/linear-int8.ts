import type { GraphBuilder } from './graph-builder.js';
import type { InputMoments } from './input-moments.js';
import type { Kernels } from './kernels.js';
import { type Channels, quantizeChannels } from './quantize-channels.js';
import {
  isQuantized,
  type LayerRows,
  multiplied,
  type QuantizedRows,
  quantizedRows,
  type ScaledRows,
  ZERO_POINT,
} from './rows.js';
import { rowsOf, type SourceMatrix, stacked } from './source-matrix.js';
import { panelShape, toPanels, zeroPointSums } from './weight-panels.js';

const LARGEST_QUANT = 127;
/** Keeps a row of zeros from being divided by its largest magnitude. */
const LARGEST_MIN = 1e-30;

/**
 * Writes linear layers in 8-bit integers: weights with a scale for each output, inputs with one for each token, found
 * from the token's largest magnitude, so that no token sees its neighbours.
 *
 *   x ─┬▶ ReduceMax, ReduceMin ─▶ largest / 127 = scale ─┬────────────────────────────────────┐
 *      └────────────────────────▶ QuantizeLinear ◀───────┘─▶ MatMulIntegerToFloat ─▶ value    └▶ scale
 *
 * The scale of the tokens is left to the caller: some layers can pass it on. Own kernels quantize in one operator, where
 * the input is not in integers already, and multiply to the same bits: 32-bit sums are not rounded.
 */
export class Int8Layers {
  /** The channels of the layer asked for last: quants and scales are asked for one after the other. */
  #last: { readonly name: string; readonly channels: Promise<Channels> } | undefined;
  readonly #moments: ReadonlyMap<string, InputMoments>;

  readonly #kernels: Kernels;

  /** @param moments of layers' inputs, by the layer's name. */
  constructor(moments: ReadonlyMap<string, InputMoments>, kernels: Kernels) {
    this.#moments = moments;
    this.#kernels = kernels;
  }

  /** output.value × output.scale = input × (matrices on top of each other)ᵀ. */
  apply(
    builder: GraphBuilder,
    input: LayerRows,
    name: string,
    matrices: readonly SourceMatrix[],
    output: string,
  ): ScaledRows {
    return this.applyEach(builder, input, name, [matrices], [output])[0]!;
  }

  /** As {@link apply}, for several layers that read the same input, which is quantized once. */
  applyEach(
    builder: GraphBuilder,
    input: LayerRows,
    name: string,
    layers: readonly (readonly SourceMatrix[])[],
    outputs: readonly string[],
  ): ScaledRows[] {
    const { quants, scale } = isQuantized(input) ? input : this.#quantize(builder, input, name);
    return layers.map((matrices, index) => {
      const layer = layers.length === 1 ? name : `${name}.${index}`;
      return { value: this.#multiply(builder, quants, name, layer, matrices, outputs[index]!), scale };
    });
  }

  /** As {@link apply}, and the rows are multiplied. */
  applyWhole(
    builder: GraphBuilder,
    input: LayerRows,
    name: string,
    matrices: readonly SourceMatrix[],
    output: string,
  ): string {
    if (this.#kernels === 'runtime') {
      return multiplied(builder, this.apply(builder, input, name, matrices, `${output}.unscaled`), output);
    }
    const { quants, scale } = isQuantized(input) ? input : this.#quantize(builder, input, name);
    return this.#multiply(builder, quants, name, name, matrices, output, scale);
  }

  /**
   * SiLU(gate) × up of two layers that read the same input, by own kernels: one operator, whose outputs are multiplied already
   * and mixed with their neighbours, and are integers again behind another.
   * @param matrices of gate and up; outputs are a multiple of 32.
   */
  applyGated(
    builder: GraphBuilder,
    input: LayerRows,
    name: string,
    matrices: readonly [SourceMatrix, SourceMatrix],
    output: string,
  ): QuantizedRows {
    const { quants, scale } = isQuantized(input) ? input : this.#quantize(builder, input, name);
    const weights = matrices.flatMap((matrix, index) => this.#weights(builder, name, `${name}.${index}`, [matrix]));
    return quantizeByOwn(builder, builder.node('LinearGate', [quants, ...weights, scale], output), output);
  }

  /** @param scale of rows, which own kernels multiply by on the way. */
  #multiply(
    builder: GraphBuilder,
    quants: string,
    name: string,
    layer: string,
    matrices: readonly SourceMatrix[],
    output: string,
    scale?: string,
  ): string {
    const inputs = [quants, ...this.#weights(builder, name, layer, matrices), ...(scale === undefined ? [] : [scale])];
    return builder.node(this.#kernels === 'own' ? 'Linear' : 'MatMulIntegerToFloat', inputs, output);
  }

  /** @param name that the moments of their inputs have. */
  #weights(builder: GraphBuilder, name: string, layer: string, matrices: readonly SourceMatrix[]): string[] {
    const moments = this.#moments.get(name);
    const shape = { inputs: matrices[0]!.columns, outputs: rowsOf(matrices) };
    const channels = (): Promise<Channels> => this.#channels(layer, matrices, moments);
    return (this.#kernels === 'own' ? ownWeights : runtimeWeights)(builder, layer, shape, channels);
  }

  #quantize(builder: GraphBuilder, input: ScaledRows, name: string): QuantizedRows {
    const rows = `${name}.rows`;
    const isOwn = this.#kernels === 'own';
    const { quants, scale } = isOwn ? quantizeByOwn(builder, input.value, rows) : quantizeRows(builder, input, rows);
    if (input.scale === undefined) return { quants, scale };
    return { quants, scale: builder.node('Mul', [scale, input.scale], `${name}.scale`) };
  }

  #channels(name: string, matrices: readonly SourceMatrix[], moments: InputMoments | undefined): Promise<Channels> {
    if (this.#last?.name !== name) {
      const columns = matrices[0]!.columns;
      const channels = stacked(matrices).then((weights) => quantizeChannels(weights, columns, moments));
      this.#last = { name, channels };
    }
    return this.#last.channels;
  }
}

/** What the operator reads behind its rows. */
type Weights = (
  builder: GraphBuilder,
  layer: string,
  shape: { readonly inputs: number; readonly outputs: number },
  channels: () => Promise<Channels>,
) => string[];

const runtimeWeights: Weights = (builder, layer, { inputs, outputs }, channels) => [
  builder.weight(`${layer}.int8`, 'int8', [inputs, outputs], async () => (await channels()).quants),
  builder.floats('int8_one', Float32Array.of(1), []),
  channelScale(builder, layer, outputs, channels),
  builder.bytes('int8_zero_point', Uint8Array.of(ZERO_POINT), []),
];

/** Weights lie as they are read, so that no session needs a copy in a layout of its own. */
const ownWeights: Weights = (builder, layer, { inputs, outputs }, channels) => [
  builder.weight(`${layer}.panels`, 'int8', panelShape(inputs, outputs), async () =>
    toPanels((await channels()).quants, inputs, outputs),
  ),
  channelScale(builder, layer, outputs, channels),
  builder.weight(`${layer}.offsets`, 'int32', [outputs], async () =>
    zeroPointSums((await channels()).quants, outputs, ZERO_POINT),
  ),
];

function channelScale(
  builder: GraphBuilder,
  layer: string,
  outputs: number,
  channels: () => Promise<Channels>,
): string {
  return builder.weight(`${layer}.channel_scale`, 'float32', [outputs], async () => {
    const { scales } = await channels();
    return scales;
  });
}

function quantizeByOwn(builder: GraphBuilder, value: string, name: string): QuantizedRows {
  const rows = quantizedRows(name);
  builder.nodeWithOutputs('QuantizeRows', [value], [rows.quants, rows.scale]);
  return rows;
}

function quantizeRows(builder: GraphBuilder, { value, countedBy = 'ids' }: ScaledRows, name: string): QuantizedRows {
  const columns = builder.integers('axis_columns', [-1]);
  const least = builder.floats('int8_largest_min', Float32Array.of(LARGEST_MIN), [1, 1]);
  const inverse = builder.floats('int8_inverse', Float32Array.of(1 / LARGEST_QUANT), [1, 1]);
  const highest = builder.node('ReduceMax', [value, columns], `${name}.highest`);
  const lowest = builder.node('ReduceMin', [value, columns], `${name}.lowest`);
  // Two reductions that write a number a row are faster than one over magnitudes that must be written first.
  const negated = builder.node('Neg', [lowest], `${name}.negated`);
  const largest = builder.node('Max', [highest, negated, least], `${name}.largest`);
  const scale = builder.node('Mul', [largest, inverse], `${name}.scale`);
  const flat = builder.node('Reshape', [scale, builder.integers('shape_vector', [-1])], `${name}.scales`);
  const quants = builder.node('QuantizeLinear', [value, flat, zeroPoints(builder, countedBy)], `${name}.quants`, {
    axis: { int: 0 },
  });
  return { quants, scale };
}

const made = new WeakMap<GraphBuilder, Set<string>>();

/** A zero point for each row, made once a pass. */
function zeroPoints(builder: GraphBuilder, countedBy: string): string {
  const name = `int8_zero_points_${countedBy}`;
  const known = made.get(builder) ?? new Set<string>();
  if (!known.has(name)) {
    made.set(builder, known.add(name));
    const one = builder.bytes('int8_row_zero_point', Uint8Array.of(ZERO_POINT), [1]);
    builder.node('Expand', [one, builder.node('Shape', [countedBy], `${countedBy}_shape`)], name);
  }
  return name;
}
