import { Tensor } from '@sluice/ort';
import { GraphBuilder } from '../../model/compile/graph-builder.js';
import { WeightTable } from '../../model/compile/weight-table.js';
import { checkAttention } from './check-attention.js';
import { checkLinear } from './check-linear.js';
import { checkLookUp } from './check-look-up.js';
import { checkPick } from './check-pick.js';
import { floatsOf, type Outputs, openSession, randomFloats, requireNear, run } from './check-session.js';

const TOLERANCE = 1e-4;
const ZERO_POINT = 128;
const LARGEST_QUANT = 127;
/** An odd number of vectors. */
const COLUMNS = 112;
/** More than a thread takes at once, and than are computed in turn. */
const ROWS = 187;
const EPSILON = 1e-5;

/**
 * Runs every operator of a library on small inputs and compares what comes out with what it is defined to be, computed here
 * in 64 bits. In a process of its own: a library that is wrong may take the process along.
 * @throws Error naming the operator that gives something else; what the runtime says of a library that it cannot open.
 */
export function checkOperators(libraryPath: string): void {
  checkRows(libraryPath);
  checkLinear(libraryPath);
  checkAttention(libraryPath);
  checkPick(libraryPath);
  checkLookUp(libraryPath);
}

function checkRows(libraryPath: string): void {
  const builder = new GraphBuilder('rows', new WeightTable('none'));
  const [x, y] = ['x', 'y'].map((name) => builder.input(name, 'float32', ['tokens', COLUMNS])) as [string, string];
  const yScale = builder.input('y_scale', 'float32', ['tokens', 1]);
  const weight = builder.input('weight', 'float32', [COLUMNS]);
  const quantized = (name: string): [string, string] => {
    builder.output(name, 'uint8', ['tokens', COLUMNS]);
    builder.output(`${name}_scale`, 'float32', ['tokens', 1]);
    return [name, `${name}_scale`];
  };
  const epsilon = { epsilon: { float: EPSILON } };
  builder.nodeWithOutputs('NormQuantize', [x, '', '', weight], [...quantized('first'), 'first_sum'], epsilon);
  const random = randomFloats(7);
  // What is the same in all runs is read when the session is opened.
  const constant = random(COLUMNS, 1);
  const sameWeight = builder.floats('constant', constant, [COLUMNS]);
  builder.nodeWithOutputs('NormQuantize', [x, y, yScale, sameWeight], [...quantized('norm'), 'sum'], epsilon);
  builder.output('sum', 'float32', ['tokens', COLUMNS]);
  builder.nodeWithOutputs('QuantizeRows', [x], quantized('plain'));

  const inputs = { x: random(ROWS * COLUMNS, 4), y: random(ROWS * COLUMNS, 2), weight: random(COLUMNS, 1) };
  const scales = random(ROWS, 1).map((value) => value + 2);
  // A row of zeros has no largest magnitude to divide by.
  inputs.x.fill(0, 0, COLUMNS);
  inputs.y.fill(0, 0, COLUMNS);

  const session = openSession(builder, libraryPath);
  try {
    const out = run(session, {
      x: Tensor.over(inputs.x, [ROWS, COLUMNS]),
      y: Tensor.over(inputs.y, [ROWS, COLUMNS]),
      y_scale: Tensor.over(scales, [ROWS, 1]),
      weight: Tensor.over(inputs.weight, [COLUMNS]),
    });
    const sum = inputs.x.map((value, at) => value + inputs.y[at]! * scales[rowOf(at)]!);
    requireNear('NormQuantize', floatsOf(out, 'sum'), sum);
    requireQuants('NormQuantize', out, 'first', normed(inputs.x, inputs.weight));
    requireQuants('NormQuantize', out, 'norm', normed(sum, constant));
    requireQuants('QuantizeRows', out, 'plain', inputs.x);
  } finally {
    session.dispose();
  }
}

/** RMSnorm of each row, times the weight. */
function normed(rows: Float32Array, weight: Float32Array): Float32Array {
  const squares = new Float64Array(ROWS);
  for (const [at, value] of rows.entries()) squares[rowOf(at)]! += value * value;
  return rows.map((value, at) => (value * weight[at % COLUMNS]!) / Math.sqrt(squares[rowOf(at)]! / COLUMNS + EPSILON));
}

function rowOf(at: number): number {
  return Math.floor(at / COLUMNS);
}

/** Each row in 255 levels, of which the largest magnitude has the last one, rounded to the nearest. */
function requireQuants(operator: string, outputs: Outputs, name: string, wanted: Float32Array): void {
  const quants = outputs[name] ?? [];
  const scales = floatsOf(outputs, `${name}_scale`);
  for (let row = 0; row < ROWS; row++) {
    const values = wanted.subarray(row * COLUMNS, (row + 1) * COLUMNS);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = scales[row]!;
    const isScaled = largest === 0 ? scale >= 0 : Math.abs((scale * LARGEST_QUANT) / largest - 1) <= TOLERANCE;
    const areLevels = values.every((value, column) => {
      const level = Number(quants[row * COLUMNS + column]) - ZERO_POINT;
      return Math.abs(level - (largest === 0 ? 0 : (value / largest) * LARGEST_QUANT)) <= 0.5 + 0.01;
    });
    if (!isScaled || !areLevels) throw new Error(`${operator} gives other integers than it is defined to`);
  }
}
