import { type Binding, firstPage, pageBytes, releasePages, Tensor } from '@sluice/ort';
import type { CopiedTokens } from '../engine/model-port.js';
import type { DecoderConfig } from './architectures/config.js';
import { type KvMode, kvElementType } from './compile/kv-format.js';
import { type LaneNames, UPDATED } from './compile/lane-names.js';

/** Floats of 16 bits lie here as bits: nobody but kernels reads them. */
const arrays = { float32: Float32Array, float16: Uint16Array, int8: Int8Array } as const;
type CacheArray = Float32Array | Uint16Array | Int8Array;

/**
 * At every large piece of memory that is reserved, the collector looks through all that there is; and the system refuses
 * one that is larger than the machine's memory, though not many that are together.
 */
const PIECE_BYTES = 2 ** 31;

/**
 * So many tokens, and more where the next slot's or head's would begin within a page: then none has a page for a few tokens
 * at either end.
 */
export function positionsFor({ headDim }: DecoderConfig, mode: KvMode, tokens: number): number {
  const perPage = pageBytes() / (headDim * arrays[kvElementType[mode]].BYTES_PER_ELEMENT);
  return perPage > 1 && Number.isInteger(perPage) ? Math.ceil(tokens / perPage) * perPage : tokens;
}

/**
 * Keys and values of all slots, two arrays a layer: [slots, kvHeads, positions, headDim], row-major. The address space is
 * reserved at once; the system commits a page when it is first written.
 */
export class LaneCache {
  readonly #config: DecoderConfig;
  readonly #positions: number;
  readonly #slotLength: number;
  readonly #type: keyof typeof arrays;
  readonly #Array: (typeof arrays)[keyof typeof arrays];
  readonly #keys: CacheArray[];
  readonly #values: CacheArray[];
  /** First positions of slots that are set aside, a run for each layer and head. */
  readonly #setAside = new Map<number, CacheArray>();

  /** @throws RangeError where the machine has no room for an array of that size. */
  constructor(config: DecoderConfig, mode: KvMode, slots: number, positions: number) {
    this.#config = config;
    this.#positions = positions;
    this.#slotLength = config.kvHeads * positions * config.headDim;
    this.#type = kvElementType[mode];
    this.#Array = arrays[this.#type];
    const caches = this.#reserve(2 * config.layers, slots * this.#slotLength);
    this.#keys = caches.slice(0, config.layers);
    this.#values = caches.slice(config.layers);
  }

  /**
   * Binds slots `first` to `first + count - 1` as the cache of lanes that follow one another: the input of the first and
   * the output of each.
   */
  bind(binding: Binding, lanes: readonly LaneNames[], first: number, count: number): void {
    const { layers, kvHeads, headDim } = this.#config;
    const shape = [count, kvHeads, this.#positions, headDim];
    const from = first * this.#slotLength;
    const to = from + count * this.#slotLength;
    const bindAll = (names: readonly string[], array: CacheArray): void => {
      const tensor = Tensor.over(array.subarray(from, to), shape);
      binding.bindInput(names[0]!, tensor);
      for (const name of names) binding.bindOutput(name + UPDATED, tensor);
      // The binding keeps it from now on, until it is bound anew.
      tensor.dispose();
    };
    for (let layer = 0; layer < layers; layer++) {
      bindAll(
        lanes.map((lane) => lane.key(layer)),
        this.#keys[layer]!,
      );
      bindAll(
        lanes.map((lane) => lane.value(layer)),
        this.#values[layer]!,
      );
    }
  }

  /** Binds all slots as the inputs of a graph without lanes, which writes them in place. */
  bindWhole(binding: Binding, names: LaneNames): void {
    const { layers, kvHeads, headDim } = this.#config;
    const bind = (name: string, array: CacheArray): void => {
      const shape = [array.length / this.#slotLength, kvHeads, this.#positions, headDim];
      const tensor = Tensor.over(array, shape, this.#type);
      binding.bindInput(name, tensor);
      tensor.dispose();
    };
    for (let layer = 0; layer < layers; layer++) {
      bind(names.key(layer), this.#keys[layer]!);
      bind(names.value(layer), this.#values[layer]!);
    }
  }

  /**
   * From now on passes may write the slot's first position: what is there is kept elsewhere. An idle row of the decode lane
   * writes behind what it attends to, so over a slot that is set aside it attends to nothing, and costs nothing.
   */
  setAside(slot: number): void {
    if (this.#setAside.has(slot)) return;
    const { layers, kvHeads, headDim } = this.#config;
    const kept = new this.#Array(2 * layers * kvHeads * headDim);
    let at = 0;
    this.#eachHead(slot, (array, head) => {
      kept.set(array.subarray(head, head + headDim), at);
      at += headDim;
    });
    this.#setAside.set(slot, kept);
  }

  /** Makes a slot whole again that was set aside; others are left as they are. */
  restore(slot: number): void {
    const kept = this.#setAside.get(slot);
    if (kept === undefined) return;
    this.#setAside.delete(slot);
    this.#writeFirst(slot, kept);
  }

  /** Copies the first `tokens` positions of a slot, a run for each layer and head. */
  copy(fromSlot: number, toSlot: number, tokens: number): void {
    const shift = (toSlot - fromSlot) * this.#slotLength;
    const length = tokens * this.#config.headDim;
    this.#eachHead(fromSlot, (array, head) => array.copyWithin(head + shift, head, head + length));
    this.#setAside.delete(toSlot);
    const kept = this.#setAside.get(fromSlot);
    if (kept !== undefined) this.#writeFirst(toSlot, kept);
  }

  /** Bytes of so many positions of a slot. */
  copyBytes(tokens: number): number {
    const { layers, kvHeads, headDim } = this.#config;
    return 2 * layers * kvHeads * tokens * headDim * this.#Array.BYTES_PER_ELEMENT;
  }

  /**
   * The first `tokens` positions of a slot: [2 × layers, kvHeads, tokens, headDim], keys before values.
   * @throws RangeError where the machine has no room for them.
   */
  copyOut(slot: number, tokens: number): CopiedTokens['bytes'] {
    this.restore(slot);
    const copied = new this.#Array(this.copyBytes(tokens) / this.#Array.BYTES_PER_ELEMENT);
    const length = tokens * this.#config.headDim;
    let at = 0;
    this.#eachHead(slot, (array, head) => {
      copied.set(array.subarray(head, head + length), at);
      at += length;
    });
    return new Uint8Array(copied.buffer);
  }

  /** Puts what {@link copyOut} gave into any slot. */
  copyIn(slot: number, { tokens, bytes }: CopiedTokens): void {
    this.#setAside.delete(slot);
    const copied = new this.#Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / this.#Array.BYTES_PER_ELEMENT);
    const length = tokens * this.#config.headDim;
    let at = 0;
    this.#eachHead(slot, (array, head) => {
      array.set(copied.subarray(at, at + length), head);
      at += length;
    });
  }

  /** Gives the pages of positions from `fromToken` on back to the system; they read as zeros until written anew. */
  release(slot: number, fromToken: number): void {
    if (fromToken === 0) {
      this.#setAside.delete(slot);
      const first = slot * this.#slotLength;
      for (const array of [...this.#keys, ...this.#values]) releasePages(array, first, this.#slotLength);
      return;
    }
    const { headDim } = this.#config;
    const length = (this.#positions - fromToken) * headDim;
    this.#eachHead(slot, (array, head) => releasePages(array, head + fromToken * headDim, length));
  }

  /** Arrays of that length, several in one piece of memory. */
  #reserve(count: number, length: number): CacheArray[] {
    const bytes = length * this.#Array.BYTES_PER_ELEMENT;
    const perPiece = Math.max(1, Math.floor(PIECE_BYTES / bytes));
    const arrays: CacheArray[] = [];
    while (arrays.length < count) {
      const inPiece = Math.min(perPiece, count - arrays.length);
      const piece = new ArrayBuffer(inPiece * bytes + pageBytes());
      const first = firstPage(new Uint8Array(piece));
      for (let index = 0; index < inPiece; index++) arrays.push(new this.#Array(piece, first + index * bytes, length));
    }
    return arrays;
  }

  #writeFirst(slot: number, kept: CacheArray): void {
    const { headDim } = this.#config;
    let at = 0;
    this.#eachHead(slot, (array, head) => {
      array.set(kept.subarray(at, at + headDim), head);
      at += headDim;
    });
  }

  /** Calls for every layer and head of a slot, keys before values, with the array and where in it the head begins. */
  #eachHead(slot: number, visit: (array: CacheArray, head: number) => void): void {
    const headLength = this.#positions * this.#config.headDim;
    const first = slot * this.#slotLength;
    for (const array of [...this.#keys, ...this.#values]) {
      for (let head = first; head < first + this.#slotLength; head += headLength) visit(array, head);
    }
  }
}
