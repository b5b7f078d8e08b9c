import type { DecoderConfig } from '../architectures/config.js';
import type { WeightMode } from './linear.js';
import { transpose } from './quantize.js';
import { Rotation, spread } from './rotation.js';
import { multiplyColumns, type SourceMatrix } from './source-matrix.js';
import type { MakeWeight } from './weight-table.js';

/**
 * The coordinates in which a graph keeps its hidden states and the values of its heads. Turned ones have no channel that
 * stands out, so that a row needs no more than one scale in 8 bits, and a value seldom exceeds what others of its channel
 * were. Turning costs nothing in a pass, because the weights around take it over: a norm without weights turns with its
 * input, and the norm's weights go into what reads it; attention adds up values, turned or not.
 */
export interface HiddenBasis {
  /** The weights that stay with a norm. @param norm [hidden, 1] */
  norm(norm: SourceMatrix): MakeWeight;
  /** A matrix that reads hidden states behind a norm. */
  reads(matrix: SourceMatrix, norm: SourceMatrix): SourceMatrix;
  /** One whose outputs are added to hidden states. */
  writes(matrix: SourceMatrix): SourceMatrix;
  /** One whose rows are hidden states. */
  holds(matrix: SourceMatrix): SourceMatrix;
  /** One whose outputs are the values of heads. */
  givesValues(matrix: SourceMatrix): SourceMatrix;
  /** One that reads what heads make of values. */
  readsValues(matrix: SourceMatrix): SourceMatrix;
  /** Whether what comes out of a norm is not what the model's own norm gives, and {@link turningBack} has to make that of it. */
  readonly isTurned: boolean;
}

/** Turned where rows are in 8-bit integers, else as they are: blocks of weights that came as blocks are kept better so. */
export function basisOf(mode: WeightMode, config: DecoderConfig): HiddenBasis {
  return mode === 'w8a8' ? turnedBasis(config) : plainBasis;
}

/** As the model's file has them. */
const plainBasis: HiddenBasis = {
  norm: (norm) => () => norm.read(),
  reads: (matrix) => matrix,
  writes: (matrix) => matrix,
  holds: (matrix) => matrix,
  givesValues: (matrix) => matrix,
  readsValues: (matrix) => matrix,
  isTurned: false,
};

/**
 * What the model's last norm gives, from what it gives in turned coordinates: of a state, [hidden], in place. Linear, so that
 * a sum of states may be turned back as one.
 * @param norm [hidden]: the weights that the model's own norm has.
 */
export function turningBack(norm: ArrayLike<number>): (state: Float64Array) => Float64Array {
  const rotation = new Rotation(norm.length);
  return (state) => {
    rotation.turnBack(state);
    for (let i = 0; i < state.length; i++) state[i]! *= norm[i]!;
    return state;
  };
}

function turnedBasis({ hidden, headDim }: DecoderConfig): HiddenBasis {
  const rotation = new Rotation(hidden);
  const run = headDim & -headDim;
  const holds = (matrix: SourceMatrix): SourceMatrix => ({
    ...matrix,
    read: async () => rotation.turn(await matrix.read()),
  });
  return {
    norm:
      ({ rows }) =>
      async () =>
        new Float32Array(rows).fill(1),
    reads: (matrix, norm) => holds(multiplyColumns(matrix, () => norm.read())),
    writes: (matrix) => turnOutputs(matrix, (columns) => rotation.turn(columns)),
    holds,
    givesValues: (matrix) => turnOutputs(matrix, (columns) => spread(columns, run)),
    readsValues: (matrix) => ({ ...matrix, read: async () => spread(await matrix.read(), run) }),
    isTurned: true,
  };
}

/** @param turn turns every row of [columns, rows] in place. */
function turnOutputs(matrix: SourceMatrix, turn: (columns: Float32Array) => Float32Array): SourceMatrix {
  const { rows, columns } = matrix;
  return { ...matrix, read: async () => transpose(turn(transpose(await matrix.read(), rows, columns)), columns, rows) };
}
