import { type ElementType, elementBytes } from './onnx.js';

/** Where a weight lies in the data file. */
export interface WeightPlace {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface WeightEntry {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
}

/** Makes a weight's values, in the order of its shape. */
export type MakeWeight = () => Promise<ArrayBufferView>;

/** Pages of the data file are mapped, and the runtime wants weights at page starts. */
const ALIGNMENT = 4096;

/**
 * Gives each weight of a model its place in one data file, in the order in which graphs first ask for it. Makes no
 * bytes: a weight's values are made when {@link write} asks for them, so that one weight is in memory at a time.
 */
export class WeightTable {
  readonly file: string;
  readonly #entries = new Map<string, WeightEntry & { readonly make: MakeWeight }>();
  #end = 0;

  constructor(file: string) {
    this.file = file;
  }

  get entries(): readonly WeightEntry[] {
    return [...this.#entries.values()].map(({ make: _, ...entry }) => entry);
  }

  place(name: string, type: ElementType, shape: readonly number[], make: MakeWeight): WeightPlace {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      const bytes = elementBytes[type] * shape.reduce((product, length) => product * length, 1);
      entry = { name, type, shape, offset: this.#end, bytes, make };
      this.#entries.set(name, entry);
      this.#end += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    }
    return { file: this.file, offset: entry.offset, bytes: entry.bytes };
  }

  /** Hands every weight's bytes and offset to `sink`, by rising offset. */
  async write(sink: (bytes: Uint8Array, entry: WeightEntry) => Promise<void>): Promise<void> {
    for (const entry of this.#entries.values()) {
      const view = await entry.make();
      await sink(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), entry);
    }
  }
}
