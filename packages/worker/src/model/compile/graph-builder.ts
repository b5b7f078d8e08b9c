import { assert } from '@sluice/shared';
import {
  type Attribute,
  type Dimension,
  type ElementType,
  elementBytes,
  type OnnxGraph,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxValue,
} from './onnx.js';
import type { MakeWeight, WeightTable } from './weight-table.js';

const MICROSOFT = 'com.microsoft';

/** Operators that live in com.microsoft; all others are ONNX's own. */
const contributed = new Set([
  'GatherBlockQuantized',
  'GroupQueryAttention',
  'MatMulIntegerToFloat',
  'MatMulNBits',
  'QuickGelu',
  'RotaryEmbedding',
  'SkipSimplifiedLayerNormalization',
]);

/** The domain of operators of our own; their sources are in native/. */
const SLUICE = 'sluice';
const own = new Set(['Attention', 'Linear', 'LinearGate', 'LookUp', 'NormQuantize', 'Pick', 'QuantizeRows']);

/** Collects a graph in the order in which it is computed. Values are named by strings; every name is made once. */
export class GraphBuilder {
  readonly #name: string;
  readonly #weights: WeightTable;
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #initializers = new Map<string, OnnxInitializer>();

  constructor(name: string, weights: WeightTable) {
    this.#name = name;
    this.#weights = weights;
  }

  input(name: string, type: ElementType, shape: readonly Dimension[]): string {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  output(name: string, type: ElementType, shape: readonly Dimension[]): void {
    this.#outputs.push({ name, type, shape });
  }

  /** Appends a node with one output, which is returned. */
  node(op: string, inputs: readonly string[], output: string, attributes: Record<string, Attribute> = {}): string {
    this.nodeWithOutputs(op, inputs, [output], attributes);
    return output;
  }

  /** As {@link node}, for several outputs; an empty name leaves an optional one out. */
  nodeWithOutputs(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Record<string, Attribute> = {},
  ): void {
    const domain = contributed.has(op) ? MICROSOFT : own.has(op) ? SLUICE : '';
    this.#nodes.push({ op, domain, inputs, outputs, attributes });
  }

  /** A small constant, written into the .onnx file itself. The same name may be asked for again. */
  integers(name: string, values: readonly number[], shape: readonly number[] = [values.length]): string {
    if (!this.#initializers.has(name)) {
      const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
      this.#initializers.set(name, { name, type: 'int64', shape, data });
    }
    return name;
  }

  floats(name: string, values: Float32Array, shape: readonly number[]): string {
    this.#initializers.set(name, { name, type: 'float32', shape, data: new Uint8Array(values.buffer) });
    return name;
  }

  int8s(name: string, values: Int8Array, shape: readonly number[]): string {
    this.#initializers.set(name, { name, type: 'int8', shape, data: new Uint8Array(values.buffer) });
    return name;
  }

  bytes(name: string, values: Uint8Array, shape: readonly number[]): string {
    this.#initializers.set(name, { name, type: 'uint8', shape, data: values });
    return name;
  }

  /** A weight in the data file that all graphs of a model share; `make` is called once over all graphs. */
  weight(name: string, type: ElementType, shape: readonly number[], make: MakeWeight): string {
    const place = this.#weights.place(name, type, shape, make);
    assert(place.bytes === elementBytes[type] * shape.reduce((a, b) => a * b, 1), `bytes of weight ${name}`);
    this.#initializers.set(name, { name, type, shape, data: place });
    return name;
  }

  graph(): OnnxGraph {
    return {
      name: this.#name,
      nodes: this.#nodes,
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers: [...this.#initializers.values()],
    };
  }
}
