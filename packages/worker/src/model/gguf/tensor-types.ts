/** How one tensor type stores its numbers: in blocks of `blockCount` values, `blockBytes` bytes each. */
export interface TensorTypeLayout {
  readonly blockCount: number;
  readonly blockBytes: number;
}

/** The types that can be read; layouts as in ggml's `ggml-common.h`. */
export const tensorTypes = {
  F32: { blockCount: 1, blockBytes: 4 },
  F16: { blockCount: 1, blockBytes: 2 },
  BF16: { blockCount: 1, blockBytes: 2 },
  Q4_0: { blockCount: 32, blockBytes: 18 },
  Q4_1: { blockCount: 32, blockBytes: 20 },
  Q5_0: { blockCount: 32, blockBytes: 22 },
  Q5_1: { blockCount: 32, blockBytes: 24 },
  Q8_0: { blockCount: 32, blockBytes: 34 },
  Q4_K: { blockCount: 256, blockBytes: 144 },
  Q5_K: { blockCount: 256, blockBytes: 176 },
  Q6_K: { blockCount: 256, blockBytes: 210 },
} as const satisfies Record<string, TensorTypeLayout>;

export type TensorType = keyof typeof tensorTypes;

/** Numbers of the types in a file (ggml's `enum ggml_type`), readable or not, so that an error can name either. */
const typeNames: ReadonlyMap<number, string> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [6, 'Q5_0'],
  [7, 'Q5_1'],
  [8, 'Q8_0'],
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [12, 'Q4_K'],
  [13, 'Q5_K'],
  [14, 'Q6_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [30, 'BF16'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
  [40, 'NVFP4'],
  [41, 'Q1_0'],
]);

/** A type's name as ggml spells it, or "number 99" for one that is not known. */
export function tensorTypeName(typeNumber: number): string {
  return typeNames.get(typeNumber) ?? `number ${typeNumber}`;
}

/** The number that stands for a type in a file. */
export function tensorTypeNumber(type: TensorType): number {
  for (const [typeNumber, name] of typeNames) if (name === type) return typeNumber;
  throw new Error(`assertion failed: tensor type ${type} has no number`);
}

export function isTensorType(name: string): name is TensorType {
  return Object.hasOwn(tensorTypes, name);
}
