import { assert } from '@sluice/shared';
import type { GraphBuilder } from './graph-builder.js';
import { BLOCK, type Blocks, quantize4, quantize8, transpose } from './quantize.js';

/** How linear layers keep their weights: 8-bit blocks, 4-bit blocks with zero points, or 32-bit floats. */
export type WeightMode = 'q8' | 'q4' | 'f32';
export const weightModes: readonly WeightMode[] = ['q8', 'q4', 'f32'];

/** A matrix of the model's file. */
export interface SourceMatrix {
  readonly name: string;
  /** Outputs of the layer. */
  readonly rows: number;
  /** Inputs of the layer. */
  readonly columns: number;
  /** [rows, columns], row-major. */
  read(): Promise<Float32Array>;
}

/** 8-bit integer arithmetic inside the kernel, with 32-bit sums: the fast path on every CPU that has one. */
const INT8_ACCURACY = 4;

/** Writes linear layers into graphs, all in one weight mode. */
export class LinearLayers {
  readonly mode: WeightMode;
  /** The blocks of the layer asked for last: quants, scales and zero points are asked for one after the other. */
  #last: { readonly name: string; readonly blocks: Promise<Blocks> } | undefined;

  constructor(mode: WeightMode) {
    this.mode = mode;
  }

  /**
   * output = input × (matrices on top of each other)ᵀ.
   * @param input [rows, columns]; @param name of the layer's weights, the same in every graph of the model.
   */
  apply(
    builder: GraphBuilder,
    input: string,
    name: string,
    matrices: readonly SourceMatrix[],
    output: string,
    mode: WeightMode = this.mode,
  ): string {
    const columns = matrices[0]!.columns;
    assert(
      matrices.every((matrix) => matrix.columns === columns),
      `columns of ${name}`,
    );
    const rows = matrices.reduce((sum, matrix) => sum + matrix.rows, 0);
    if (mode === 'f32') {
      const weight = builder.weight(`${name}.f32`, 'float32', [columns, rows], async () =>
        transpose(await stacked(matrices), rows, columns),
      );
      return builder.node('MatMul', [input, weight], output);
    }
    const bits = mode === 'q8' ? 8 : 4;
    const inputs = [input, this.#quants(builder, name, matrices, mode), this.#scales(builder, name, matrices, mode)];
    if (mode === 'q4') {
      const zeroBytes = Math.ceil(columns / BLOCK / 2);
      inputs.push(
        builder.weight(`${name}.zero`, 'uint8', [rows, zeroBytes], async () => {
          const { zeroPoints } = await this.#blocks(name, matrices, mode);
          assert(zeroPoints !== undefined, `zero points of ${name}`);
          return zeroPoints;
        }),
      );
    }
    return builder.node('MatMulNBits', inputs, output, {
      K: { int: columns },
      N: { int: rows },
      bits: { int: bits },
      block_size: { int: BLOCK },
      accuracy_level: { int: INT8_ACCURACY },
    });
  }

  /**
   * output = rows of the matrix, picked by id. In 8-bit blocks the rows come from the same bytes as a linear layer of
   * that name reads, so that a tied embedding and head are stored once.
   */
  lookUp(builder: GraphBuilder, ids: string, name: string, matrix: SourceMatrix, output: string): string {
    if (this.mode === 'f32') {
      const weight = builder.weight(`${name}.rows`, 'float32', [matrix.rows, matrix.columns], () => matrix.read());
      return builder.node('Gather', [weight, ids], output);
    }
    const quants = this.#quants(builder, name, [matrix], 'q8');
    const scales = builder.weight(
      `${name}.row_scale`,
      'float32',
      [matrix.rows, matrix.columns / BLOCK, 1],
      async () => {
        const { scales } = await this.#blocks(name, [matrix], 'q8');
        return scales;
      },
    );
    builder.node('GatherBlockQuantized', [quants, ids, scales], `${output}.blocks`, {
      bits: { int: 8 },
      block_size: { int: BLOCK },
      gather_axis: { int: 0 },
      quantize_axis: { int: 2 },
    });
    const shape = builder.integers(`${name}.row_shape`, [-1, matrix.columns]);
    return builder.node('Reshape', [`${output}.blocks`, shape], output);
  }

  #quants(builder: GraphBuilder, name: string, matrices: readonly SourceMatrix[], mode: 'q8' | 'q4'): string {
    const rows = matrices.reduce((sum, matrix) => sum + matrix.rows, 0);
    const shape = [rows, matrices[0]!.columns / BLOCK, mode === 'q8' ? BLOCK : BLOCK / 2];
    return builder.weight(`${name}.${mode}`, 'uint8', shape, async () => {
      const { quants } = await this.#blocks(name, matrices, mode);
      return quants;
    });
  }

  #scales(builder: GraphBuilder, name: string, matrices: readonly SourceMatrix[], mode: 'q8' | 'q4'): string {
    const rows = matrices.reduce((sum, matrix) => sum + matrix.rows, 0);
    return builder.weight(`${name}.scale`, 'float32', [rows, matrices[0]!.columns / BLOCK], async () => {
      const { scales } = await this.#blocks(name, matrices, mode);
      return scales;
    });
  }

  #blocks(name: string, matrices: readonly SourceMatrix[], mode: 'q8' | 'q4'): Promise<Blocks> {
    const key = `${name}.${mode}`;
    if (this.#last?.name !== key) {
      const columns = matrices[0]!.columns;
      const blocks = stacked(matrices).then((w) => (mode === 'q8' ? quantize8(w) : quantize4(w, columns)));
      this.#last = { name: key, blocks };
    }
    return this.#last.blocks;
  }
}

async function stacked(matrices: readonly SourceMatrix[]): Promise<Float32Array> {
  if (matrices.length === 1) return matrices[0]!.read();
  const parts = await Promise.all(matrices.map((matrix) => matrix.read()));
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
