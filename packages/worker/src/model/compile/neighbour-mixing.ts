import type { GraphBuilder } from './graph-builder.js';
import { spread } from './rotation.js';
import type { SourceMatrix } from './source-matrix.js';

/** Channels that are mixed with each other; more take longer and leave hardly less of what stands out. */
export const MIXED_RUN = 32;

/**
 * Each run of 32 channels times a Hadamard matrix.
 * @param input [tokens, columns]; columns a multiple of 32.
 */
export function mixNeighbours(builder: GraphBuilder, input: string, columns: number, output: string): string {
  const matrix = new Float32Array(MIXED_RUN * MIXED_RUN);
  for (let i = 0; i < MIXED_RUN; i++) matrix[i * MIXED_RUN + i] = 1;
  const mixing = builder.floats('neighbour_mixing', spread(matrix, MIXED_RUN), [MIXED_RUN, MIXED_RUN]);
  const runs = builder.node('Reshape', [input, builder.integers('shape_runs', [-1, MIXED_RUN])], `${output}.runs`);
  const product = builder.node('MatMul', [runs, mixing], `${output}.product`);
  return builder.node('Reshape', [product, builder.integers(`shape_${columns}`, [-1, columns])], output);
}

/** A matrix for such inputs. */
export function mixedColumns(matrix: SourceMatrix): SourceMatrix {
  return { ...matrix, read: async () => spread(await matrix.read(), MIXED_RUN) };
}
