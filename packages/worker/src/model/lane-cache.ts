import { type Binding, Tensor } from '@sluice/ort';
import type { DecoderConfig } from './architectures/config.js';
import { type decodeLane, UPDATED } from './compile/lanes-graph.js';

/** Names of a lane's cache inputs. */
export type LaneNames = Pick<typeof decodeLane, 'key' | 'value'>;

/**
 * Keys and values of all slots, two arrays a layer: [slots, kvHeads, positions, headDim], row-major. The address space is
 * reserved at once; the system commits a page when it is first written.
 */
export class LaneCache {
  readonly #config: DecoderConfig;
  readonly #positions: number;
  readonly #slotLength: number;
  readonly #keys: Float32Array[];
  readonly #values: Float32Array[];

  /** @throws RangeError where the machine has no room for an array of that size. */
  constructor(config: DecoderConfig, slots: number, positions: number) {
    this.#config = config;
    this.#positions = positions;
    this.#slotLength = config.kvHeads * positions * config.headDim;
    const reserve = (): Float32Array => new Float32Array(slots * this.#slotLength);
    this.#keys = Array.from({ length: config.layers }, reserve);
    this.#values = Array.from({ length: config.layers }, reserve);
  }

  /** Binds slots `first` to `first + count - 1` as a lane's cache, as input and as output. */
  bind(binding: Binding, lane: LaneNames, first: number, count: number): void {
    const { layers, kvHeads, headDim } = this.#config;
    const shape = [count, kvHeads, this.#positions, headDim];
    const from = first * this.#slotLength;
    const to = from + count * this.#slotLength;
    const both = (name: string, array: Float32Array): void => {
      const tensor = Tensor.over(array.subarray(from, to), shape);
      binding.bindInput(name, tensor);
      binding.bindOutput(name + UPDATED, tensor);
      // The binding keeps it from now on, until it is bound anew.
      tensor.dispose();
    };
    for (let layer = 0; layer < layers; layer++) {
      both(lane.key(layer), this.#keys[layer]!);
      both(lane.value(layer), this.#values[layer]!);
    }
  }
}
