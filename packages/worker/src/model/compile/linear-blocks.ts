import { assert } from '@sluice/shared';
import type { GraphBuilder } from './graph-builder.js';
import { BLOCK, type Blocks, quantize4, quantize8 } from './quantize.js';
import { rowsOf, type SourceMatrix, stacked } from './source-matrix.js';

/** 8-bit integer arithmetic inside the kernel, with 32-bit sums: the fast path on every CPU that has one. */
const INT8_ACCURACY = 4;

export type BlockMode = 'q8' | 'q4';

interface BlockLayer {
  readonly name: string;
  readonly matrices: readonly SourceMatrix[];
  readonly mode: BlockMode;
  readonly blockLength: number;
}

/** Writes linear layers whose weights are kept in blocks; the kernel rounds the input to 8 bits, block by block. */
export class BlockLayers {
  /** The blocks of the layer asked for last: quants, scales and zero points are asked for one after the other. */
  #last: { readonly name: string; readonly blocks: Promise<Blocks> } | undefined;

  /** @param blockLength 32 for 4 bits; any of 32, 64, 128, 256 that divides the columns for 8. */
  apply(
    builder: GraphBuilder,
    input: string,
    name: string,
    matrices: readonly SourceMatrix[],
    output: string,
    mode: BlockMode,
    blockLength: number = BLOCK,
  ): string {
    const rows = rowsOf(matrices);
    const columns = matrices[0]!.columns;
    const layer: BlockLayer = { name, matrices, mode, blockLength };
    const inputs = [input, this.#quants(builder, layer), this.#scales(builder, layer)];
    if (mode === 'q4') {
      const zeroBytes = Math.ceil(columns / BLOCK / 2);
      inputs.push(
        builder.weight(`${name}.zero`, 'uint8', [rows, zeroBytes], async () => {
          const { zeroPoints } = await this.#blocks(layer);
          assert(zeroPoints !== undefined, `zero points of ${name}`);
          return zeroPoints;
        }),
      );
    }
    return builder.node('MatMulNBits', inputs, output, {
      K: { int: columns },
      N: { int: rows },
      bits: { int: mode === 'q8' ? 8 : 4 },
      block_size: { int: blockLength },
      accuracy_level: { int: INT8_ACCURACY },
    });
  }

  /** Rows of the matrix, from the same bytes as a layer of that name in 8-bit blocks reads. */
  lookUp(builder: GraphBuilder, ids: string, name: string, matrix: SourceMatrix, output: string): string {
    const layer: BlockLayer = { name, matrices: [matrix], mode: 'q8', blockLength: BLOCK };
    const quants = this.#quants(builder, layer);
    const shape = [matrix.rows, matrix.columns / BLOCK, 1];
    const scales = builder.weight(`${name}.row_scale`, 'float32', shape, async () => {
      const { scales } = await this.#blocks(layer);
      return scales;
    });
    builder.node('GatherBlockQuantized', [quants, ids, scales], `${output}.blocks`, {
      bits: { int: 8 },
      block_size: { int: BLOCK },
      gather_axis: { int: 0 },
      quantize_axis: { int: 2 },
    });
    const rowShape = builder.integers(`${name}.row_shape`, [-1, matrix.columns]);
    return builder.node('Reshape', [`${output}.blocks`, rowShape], output);
  }

  #quants(builder: GraphBuilder, layer: BlockLayer): string {
    const { name, matrices, mode, blockLength } = layer;
    const blockBytes = mode === 'q8' ? blockLength : blockLength / 2;
    const shape = [rowsOf(matrices), matrices[0]!.columns / blockLength, blockBytes];
    return builder.weight(`${name}.${mode}`, 'uint8', shape, async () => {
      const { quants } = await this.#blocks(layer);
      return quants;
    });
  }

  #scales(builder: GraphBuilder, layer: BlockLayer): string {
    const shape = [rowsOf(layer.matrices), layer.matrices[0]!.columns / layer.blockLength];
    return builder.weight(`${layer.name}.scale`, 'float32', shape, async () => {
      const { scales } = await this.#blocks(layer);
      return scales;
    });
  }

  #blocks({ name, matrices, mode, blockLength }: BlockLayer): Promise<Blocks> {
    const key = `${name}.${mode}`;
    if (this.#last?.name !== key) {
      const columns = matrices[0]!.columns;
      const blocks = stacked(matrices).then((weights) =>
        mode === 'q8' ? quantize8(weights, blockLength) : quantize4(weights, columns),
      );
      this.#last = { name: key, blocks };
    }
    return this.#last.blocks;
  }
}
