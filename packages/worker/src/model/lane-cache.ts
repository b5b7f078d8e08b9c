import { type Binding, firstPage, pageBytes, releasePages, Tensor } from '@sluice/ort';
import { assert } from '@sluice/shared';
import type { CopiedTokens } from '../engine/model-port.js';
import type { DecoderConfig } from './architectures/config.js';
import { headLength, type KvLayout } from './compile/kv-layout.js';
import { type LaneNames, UPDATED } from './compile/lane-names.js';

/** Floats of 16 bits lie here as bits: nobody but kernels reads them. */
const arrays = { float32: Float32Array, float16: Uint16Array, int8: Int8Array, uint8: Uint8Array } as const;
type CacheArray = Float32Array | Uint16Array | Int8Array | Uint8Array;

/**
 * At every large piece of memory that is reserved, the collector looks through all that there is; and the system refuses
 * one that is larger than the machine's memory, though not many that are together.
 */
const PIECE_BYTES = 2 ** 31;

/**
 * So many tokens, and more where the next slot's or head's would begin within a page: then none has a page for a few tokens
 * at either end. Whole blocks of a layout fit in, since its blocks are powers of two.
 */
export function positionsFor({ type, positionLength, blockTokens }: KvLayout, tokens: number): number {
  // The largest power of two that divides a position's bytes; a page is one too.
  const bytes = positionLength * arrays[type].BYTES_PER_ELEMENT;
  const step = Math.max(blockTokens, pageBytes() / (bytes & -bytes));
  return Math.ceil(tokens / step) * step;
}

/**
 * Keys and values of all slots, two arrays a layer: [slots, kvHeads, positions, positionLength], row-major but within the
 * blocks of its layout. The address space is reserved at once; the system commits a page when it is first written.
 *
 * What is copied are whole blocks: behind the tokens that are asked for, the last one brings along whatever is there, which
 * nothing reads before it is written.
 */
export class LaneCache {
  readonly #config: DecoderConfig;
  readonly #positions: number;
  readonly #layout: KvLayout;
  readonly #slotLength: number;
  readonly #Array: (typeof arrays)[keyof typeof arrays];
  readonly #keys: CacheArray[];
  readonly #values: CacheArray[];
  /** First positions of slots that are set aside, a run for each layer and head. */
  readonly #setAside = new Map<number, CacheArray>();

  /**
   * @param positions as {@link positionsFor} gives them, or any number of whole blocks.
   * @throws RangeError where the machine has no room for an array of that size.
   */
  constructor(config: DecoderConfig, layout: KvLayout, slots: number, positions: number) {
    assert(positions % layout.blockTokens === 0, `${positions} positions are no whole blocks of ${layout.blockTokens}`);
    this.#config = config;
    this.#positions = positions;
    this.#layout = layout;
    this.#slotLength = config.kvHeads * headLength(layout, positions);
    this.#Array = arrays[layout.type];
    const caches = this.#reserve(2 * config.layers, slots * this.#slotLength);
    this.#keys = caches.slice(0, config.layers);
    this.#values = caches.slice(config.layers);
  }

  /**
   * Binds slots `first` to `first + count - 1` as the cache of lanes that follow one another: the input of the first and
   * the output of each.
   */
  bind(binding: Binding, lanes: readonly LaneNames[], first: number, count: number): void {
    const { layers } = this.#config;
    const shape = this.#shape(count);
    const from = first * this.#slotLength;
    const to = from + count * this.#slotLength;
    const bindAll = (names: readonly string[], array: CacheArray): void => {
      const tensor = Tensor.over(array.subarray(from, to), shape, this.#layout.type);
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
    const { layers } = this.#config;
    const bind = (name: string, array: CacheArray): void => {
      const tensor = Tensor.over(array, this.#shape(array.length / this.#slotLength), this.#layout.type);
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
    this.#setAside.set(slot, this.#read(slot, 1));
  }

  /** Makes a slot whole again that was set aside; others are left as they are. */
  restore(slot: number): void {
    const kept = this.#setAside.get(slot);
    if (kept === undefined) return;
    this.#setAside.delete(slot);
    this.#write(slot, kept, 1);
  }

  /** Copies the first `tokens` positions of a slot, a run for each layer and head. */
  copy(fromSlot: number, toSlot: number, tokens: number): void {
    const shift = (toSlot - fromSlot) * this.#slotLength;
    const length = headLength(this.#layout, tokens);
    this.#eachHead(fromSlot, (array, head) => array.copyWithin(head + shift, head, head + length));
    this.#setAside.delete(toSlot);
    const kept = this.#setAside.get(fromSlot);
    if (kept !== undefined) this.#write(toSlot, kept, 1);
  }

  /** Bytes of so many positions of a slot, in whole blocks. */
  copyBytes(tokens: number): number {
    return this.#copyLength(tokens) * this.#Array.BYTES_PER_ELEMENT;
  }

  /**
   * The first `tokens` positions of a slot: [2 × layers, kvHeads, tokens, positionLength], keys before values, and behind
   * the tokens the rest of a block.
   * @throws RangeError where the machine has no room for them.
   */
  copyOut(slot: number, tokens: number): CopiedTokens['bytes'] {
    this.restore(slot);
    return new Uint8Array(this.#read(slot, tokens).buffer);
  }

  /** Puts what {@link copyOut} gave into any slot. */
  copyIn(slot: number, { tokens, bytes }: CopiedTokens): void {
    this.#setAside.delete(slot);
    const copied = new this.#Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / this.#Array.BYTES_PER_ELEMENT);
    this.#write(slot, copied, tokens);
  }

  /** Has the system commit the pages of a slot's first `tokens` positions, 2 to 3 µs each. What was there is lost. */
  prepare(slot: number, tokens: number): void {
    this.#setAside.delete(slot);
    const length = headLength(this.#layout, tokens);
    const step = Math.max(1, pageBytes() / this.#Array.BYTES_PER_ELEMENT);
    this.#eachHead(slot, (array, head) => {
      for (let at = head; at < head + length; at += step) array[at] = 0;
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
    const kept = headLength(this.#layout, fromToken);
    const length = headLength(this.#layout, this.#positions) - kept;
    this.#eachHead(slot, (array, head) => releasePages(array, head + kept, length));
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

  #shape(slots: number): readonly number[] {
    return [slots, this.#config.kvHeads, this.#positions, this.#layout.positionLength];
  }

  /** Elements of so many positions of a slot. */
  #copyLength(tokens: number): number {
    const { layers, kvHeads } = this.#config;
    return 2 * layers * kvHeads * headLength(this.#layout, tokens);
  }

  #read(slot: number, tokens: number): InstanceType<(typeof arrays)[keyof typeof arrays]> {
    const copied = new this.#Array(this.#copyLength(tokens));
    const length = headLength(this.#layout, tokens);
    let at = 0;
    this.#eachHead(slot, (array, head) => {
      copied.set(array.subarray(head, head + length), at);
      at += length;
    });
    return copied;
  }

  #write(slot: number, copied: CacheArray, tokens: number): void {
    const length = headLength(this.#layout, tokens);
    let at = 0;
    this.#eachHead(slot, (array, head) => {
      array.set(copied.subarray(at, at + length), head);
      at += length;
    });
  }

  /** Calls for every layer and head of a slot, keys before values, with the array and where in it the head begins. */
  #eachHead(slot: number, visit: (array: CacheArray, head: number) => void): void {
    const length = headLength(this.#layout, this.#positions);
    const first = slot * this.#slotLength;
    for (const array of [...this.#keys, ...this.#values]) {
      for (let head = first; head < first + this.#slotLength; head += length) visit(array, head);
    }
  }
}
