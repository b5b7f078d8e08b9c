/**
 * How a layer's inputs go together: sums over tokens of the products of channels, in square blocks along the diagonal, so
 * that neither they nor the work with them grow with the square of a wide layer.
 */
export interface InputMoments {
  /** Channels of a block. */
  readonly block: number;
  /** [columns / block, block, block], row-major. */
  readonly sums: Float32Array;
}

const BLOCK_MAX = 320;
/** Of the mean square of an input, added to each: what so little text says of seldom channels is not to be taken at its word. */
const DAMPING = 0.01;

/** Channels of a block for a layer of so many inputs: as many as are even parts of it, up to 320. */
export function momentsBlock(columns: number): number {
  let parts = Math.ceil(columns / BLOCK_MAX);
  while (columns % parts !== 0) parts++;
  return columns / parts;
}

/**
 * U, upper triangular [block, block], with inverse of the damped moments = Uᵀ U. Row i says how the error of channel i is
 * best taken over by the channels behind it: by -U[i, j] / U[i, i] of it in channel j.
 */
export function feedbackOf({ block, sums }: InputMoments, index: number): Float32Array {
  const moments = Float64Array.from(sums.subarray(index * block * block, (index + 1) * block * block));
  let squares = 0;
  for (let i = 0; i < block; i++) squares += moments[i * block + i]!;
  const damping = squares > 0 ? (DAMPING * squares) / block : 1;
  for (let i = 0; i < block; i++) moments[i * block + i]! += damping;
  return Float32Array.from(invertUpper(factorUpper(moments, block), block));
}

/** M, upper triangular, with matrix = M Mᵀ: Cholesky's, from the last row up. Overwrites the matrix, which is symmetric. */
function factorUpper(matrix: Float64Array, size: number): Float64Array {
  for (let j = size - 1; j >= 0; j--) {
    const atJ = j * size;
    let square = matrix[atJ + j]!;
    for (let k = j + 1; k < size; k++) square -= matrix[atJ + k]! * matrix[atJ + k]!;
    const diagonal = Math.sqrt(square);
    matrix[atJ + j] = diagonal;
    for (let i = 0; i < j; i++) {
      const atI = i * size;
      let value = matrix[atI + j]!;
      for (let k = j + 1; k < size; k++) value -= matrix[atI + k]! * matrix[atJ + k]!;
      matrix[atI + j] = value / diagonal;
    }
  }
  return matrix;
}

function invertUpper(upper: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let i = size - 1; i >= 0; i--) {
    const atI = i * size;
    inverse[atI + i] = 1;
    for (let k = i + 1; k < size; k++) {
      const share = upper[atI + k]!;
      const atK = k * size;
      for (let j = k; j < size; j++) inverse[atI + j]! -= share * inverse[atK + j]!;
    }
    const diagonal = upper[atI + i]!;
    for (let j = i; j < size; j++) inverse[atI + j]! /= diagonal;
  }
  return inverse;
}
