import { type Binding, releasePages, Tensor } from '@sluice/ort';
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

  /** Copies the first `tokens` positions of a slot, a run for each layer and head. */
  copy(fromSlot: number, toSlot: number, tokens: number): void {
    const length = tokens * this.#config.headDim;
    this.#eachHead((array, head) => {
      const from = fromSlot * this.#slotLength + head;
      array.copyWithin(toSlot * this.#slotLength + head, from, from + length);
    });
  }

  /** Gives the pages of positions from `fromToken` on back to the system; they read as zeros until written anew. */
  release(slot: number, fromToken: number): void {
    const first = slot * this.#slotLength;
    if (fromToken === 0) {
      for (const array of [...this.#keys, ...this.#values]) releasePages(array, first, this.#slotLength);
      return;
    }
    const { headDim } = this.#config;
    const length = (this.#positions - fromToken) * headDim;
    this.#eachHead((array, head) => releasePages(array, first + head + fromToken * headDim, length));
  }

  /** Calls with every array, and where in a slot each of its heads begins. */
  #eachHead(visit: (array: Float32Array, head: number) => void): void {
    const headLength = this.#positions * this.#config.headDim;
    for (const array of [...this.#keys, ...this.#values]) {
      for (let head = 0; head < this.#slotLength; head += headLength) visit(array, head);
    }
  }
}
