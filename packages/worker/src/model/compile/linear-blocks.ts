import { assert } from '@sluice/shared';
import type { GraphBuilder } from './graph-builder.js';
import type { Kernels } from './kernels.js';
import { BLOCK, type Blocks, quantize4, quantize8 } from './quantize.js';
import { rowsOf, type SourceMatrix, stacked } from './source-matrix.js';

/** 8-bit integer arithmetic inside the kernel, with 32-bit sums: the fast path on every CPU that has one. */
const INT8_ACCURACY = 4;

export type BlockMode = 'q8' | 'q4';

/** Writes linear layers whose weights are kept in blocks; the kernel rounds the input to 8 bits, block by block. */
export class BlockLayers {
  /** The blocks of the layer asked for last: quants, scales and zero points are asked for one after the other. */
  #last: { readonly name: string; readonly blocks: Promise<Blocks> } | undefined;

  apply(
    builder: GraphBuilder,
    input: string,
    name: string,
    matrices: readonly SourceMatrix[],
    output: string,
    mode: BlockMode,
  ): string {
    const rows = rowsOf(matrices);
    const columns = matrices[0]!.columns;
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
      bits: { int: mode === 'q8' ? 8 : 4 },
      block_size: { int: BLOCK },
      accuracy_level: { int: INT8_ACCURACY },
    });
  }

  /** Rows of the matrix, from the same bytes as a layer of that name in 8-bit blocks reads. */
  lookUp(
    builder: GraphBuilder,
    ids: string,
    name: string,
    matrix: SourceMatrix,
    output: string,
    kernels: Kernels,
  ): string {
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
    if (kernels === 'own') return builder.node('LookUp', [quants, ids, scales], output);
    builder.node('GatherBlockQuantized', [quants, ids, scales], `${output}.blocks`, {
      bits: { int: 8 },
      block_size: { int: BLOCK },
      gather_axis: { int: 0 },
      quantize_axis: { int: 2 },
    });
    const shape = builder.integers(`${name}.row_shape`, [-1, matrix.columns]);
    return builder.node('Reshape', [`${output}.blocks`, shape], output);
  }

  #quants(builder: GraphBuilder, name: string, matrices: readonly SourceMatrix[], mode: BlockMode): string {
    const shape = [rowsOf(matrices), matrices[0]!.columns / BLOCK, mode === 'q8' ? BLOCK : BLOCK / 2];
    return builder.weight(`${name}.${mode}`, 'uint8', shape, async () => {
      const { quants } = await this.#blocks(name, matrices, mode);
      return quants;
    });
  }

  #scales(builder: GraphBuilder, name: string, matrices: readonly SourceMatrix[], mode: BlockMode): string {
    return builder.weight(`${name}.scale`, 'float32', [rowsOf(matrices), matrices[0]!.columns / BLOCK], async () => {
      const { scales } = await this.#blocks(name, matrices, mode);
      return scales;
    });
  }

  #blocks(name: string, matrices: readonly SourceMatrix[], mode: BlockMode): Promise<Blocks> {
    const key = `${name}.${mode}`;
    if (this.#last?.name !== key) {
      const columns = matrices[0]!.columns;
      const blocks = stacked(matrices).then((w) => (mode === 'q8' ? quantize8(w) : quantize4(w, columns)));
      this.#last = { name: key, blocks };
    }
    return this.#last.blocks;
  }
}
