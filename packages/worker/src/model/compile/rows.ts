import type { GraphBuilder } from './graph-builder.js';

/** Rows of floats that still want to be multiplied: what is meant is value × scale, row by row. */
export interface ScaledRows {
  /** [tokens, columns] */
  readonly value: string;
  /** [tokens, 1]; undefined: 1. */
  readonly scale: string | undefined;
  /** A graph input with an entry for each row; `ids` unless said otherwise. */
  readonly countedBy?: string;
}

/** Rows of 8-bit integers around {@link ZERO_POINT}: what is meant is (quants - 128) × scale, row by row. */
export interface QuantizedRows {
  /** uint8 [tokens, columns] */
  readonly quants: string;
  /** [tokens, 1] */
  readonly scale: string;
}

/** What a linear layer reads. */
export type LayerRows = ScaledRows | QuantizedRows;

/** What a zero becomes: rows are unsigned, because the fast kernels multiply unsigned by signed. */
export const ZERO_POINT = 128;

/** Names for the two outputs of an operator that quantizes. */
export function quantizedRows(name: string): QuantizedRows {
  return { quants: `${name}.quants`, scale: `${name}.scale` };
}

/** The same rows, said to be as many as entries of another input than `ids`. */
export function countedBy<Rows extends LayerRows>(rows: Rows, input: string | undefined): Rows {
  return input === undefined || isQuantized(rows) ? rows : { ...rows, countedBy: input };
}

export function isQuantized(rows: LayerRows): rows is QuantizedRows {
  return 'quants' in rows;
}

/** The floats that are meant. */
export function multiplied(builder: GraphBuilder, { value, scale }: ScaledRows, output = `${value}.scaled`): string {
  return scale === undefined ? value : builder.node('Mul', [value, scale], output);
}
