/** A matrix of the model's file, or one made from such. */
export interface SourceMatrix {
  readonly name: string;
  /** Outputs of the layer. */
  readonly rows: number;
  /** Inputs of the layer. */
  readonly columns: number;
  /** [rows, columns], row-major; a fresh array each time, the caller's to change. */
  read(): Promise<Float32Array>;
}

/** Makes one number for each input of a layer. */
type ChannelFactors = () => Promise<Float32Array>;

/** Several matrices on top of each other, [sum of rows, columns]. */
export async function stacked(matrices: readonly SourceMatrix[]): Promise<Float32Array> {
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

export function rowsOf(matrices: readonly SourceMatrix[]): number {
  return matrices.reduce((sum, matrix) => sum + matrix.rows, 0);
}

/** The matrix with its columns multiplied: for an input without these factors. */
export function multiplyColumns(matrix: SourceMatrix, factors: ChannelFactors): SourceMatrix {
  return {
    ...matrix,
    read: async () => {
      const [weights, by] = await Promise.all([matrix.read(), factors()]);
      const { columns } = matrix;
      const product = new Float32Array(weights.length);
      for (let row = 0; row < weights.length; row += columns) {
        for (let column = 0; column < columns; column++) product[row + column] = weights[row + column]! * by[column]!;
      }
      return product;
    },
  };
}
