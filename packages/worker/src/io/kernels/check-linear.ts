import { Tensor } from '@sluice/ort';
import { GraphBuilder } from '../../model/compile/graph-builder.js';
import { spread } from '../../model/compile/rotation.js';
import { panelShape, toPanels, zeroPointSums } from '../../model/compile/weight-panels.js';
import { WeightTable } from '../../model/compile/weight-table.js';
import { floatsOf, openSession, randomFloats, requireNear, run } from './check-session.js';

const ZERO_POINT = 128;
/** Whole rows of a tile, and not. */
const INPUTS = [128, 80];
/** Not a whole number of panels, nor of vectors. */
const OUTPUTS = 150;
/** Whole panels. */
const GATED_OUTPUTS = 160;
const MIXED = 32;
/** Every number of rows that there is code for, up to more than a thread takes at once. */
const ROWS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 32, 52, 101, 530];

/**
 * Sums of integers are exact: what comes out of Linear is that sum, rounded once for each of its two scales, and of LinearGate
 * what it is defined to be, nearly.
 * @throws Error where it is something else.
 */
export function checkLinear(libraryPath: string): void {
  for (const inputs of INPUTS) {
    checkPlain(libraryPath, inputs);
    checkGated(libraryPath, inputs);
  }
}

function checkPlain(libraryPath: string, width: number): void {
  const builder = new GraphBuilder('linear', new WeightTable('none'));
  const inputs = [
    builder.input('quants', 'uint8', ['tokens', width]),
    builder.input('weights', 'int8', panelShape(width, OUTPUTS)),
    builder.input('scales', 'float32', [OUTPUTS]),
    builder.input('offsets', 'int32', [OUTPUTS]),
  ];
  builder.node('Linear', inputs, 'plain');
  builder.node('Linear', [...inputs, builder.input('row_scales', 'float32', ['tokens', 1])], 'scaled');
  for (const name of ['plain', 'scaled']) builder.output(name, 'float32', ['tokens', OUTPUTS]);

  const random = randomFloats(3);
  const weights = Int8Array.from(random(width * OUTPUTS, 127.4), Math.round);
  const scales = random(OUTPUTS, 1);
  const session = openSession(builder, libraryPath);
  try {
    for (const rows of ROWS) {
      const quants = Uint8Array.from(random(rows * width, 127.4), (value) => Math.round(value) + ZERO_POINT);
      const rowScales = random(rows, 1);
      const out = run(session, {
        quants: Tensor.over(quants, [rows, width]),
        weights: Tensor.over(toPanels(weights, width, OUTPUTS), panelShape(width, OUTPUTS)),
        scales: Tensor.over(scales, [OUTPUTS]),
        offsets: Tensor.over(zeroPointSums(weights, OUTPUTS, ZERO_POINT), [OUTPUTS]),
        row_scales: Tensor.over(rowScales, [rows, 1]),
      });
      const [plain, scaled] = [floatsOf(out, 'plain'), floatsOf(out, 'scaled')];
      for (let at = 0; at < rows * OUTPUTS; at++) {
        const [row, column] = [Math.floor(at / OUTPUTS), at % OUTPUTS];
        const wanted = Math.fround(sumOf(quants, row, weights, column, width) * scales[column]!);
        if (plain[at] === wanted && scaled[at] === Math.fround(wanted * rowScales[row]!)) continue;
        throw new Error('Linear gives other numbers than it is defined to');
      }
    }
  } finally {
    session.dispose();
  }
}

function checkGated(libraryPath: string, width: number): void {
  const builder = new GraphBuilder('gated', new WeightTable('none'));
  const shape = panelShape(width, GATED_OUTPUTS);
  const inputs = [
    builder.input('quants', 'uint8', ['tokens', width]),
    ...['gate', 'up'].flatMap((name) => [
      builder.input(`${name}.weights`, 'int8', shape),
      builder.input(`${name}.scales`, 'float32', [GATED_OUTPUTS]),
      builder.input(`${name}.offsets`, 'int32', [GATED_OUTPUTS]),
    ]),
    builder.input('row_scales', 'float32', ['tokens', 1]),
  ];
  builder.output(builder.node('LinearGate', inputs, 'gated'), 'float32', ['tokens', GATED_OUTPUTS]);

  const random = randomFloats(5);
  const layer = () => ({
    weights: Int8Array.from(random(width * GATED_OUTPUTS, 127.4), Math.round),
    // Sums are some tens of thousands, and a gate that is far from 0 is open or shut.
    scales: random(GATED_OUTPUTS, 1e-4),
  });
  const layers = { gate: layer(), up: layer() };
  const session = openSession(builder, libraryPath);
  try {
    for (const rows of ROWS) {
      const quants = Uint8Array.from(random(rows * width, 127.4), (value) => Math.round(value) + ZERO_POINT);
      const rowScales = random(rows, 1);
      const out = run(session, {
        quants: Tensor.over(quants, [rows, width]),
        row_scales: Tensor.over(rowScales, [rows, 1]),
        ...Object.fromEntries(
          Object.entries(layers).flatMap(([name, { weights, scales }]) => [
            [`${name}.weights`, Tensor.over(toPanels(weights, width, GATED_OUTPUTS), shape)],
            [`${name}.scales`, Tensor.over(scales, [GATED_OUTPUTS])],
            [`${name}.offsets`, Tensor.over(zeroPointSums(weights, GATED_OUTPUTS, ZERO_POINT), [GATED_OUTPUTS])],
          ]),
        ),
      });
      const product = ({ weights, scales }: typeof layers.gate, row: number, column: number): number =>
        sumOf(quants, row, weights, column, width) * scales[column]! * rowScales[row]!;
      const wanted = Float32Array.from({ length: rows * GATED_OUTPUTS }, (_, at) => {
        const [row, column] = [Math.floor(at / GATED_OUTPUTS), at % GATED_OUTPUTS];
        const gate = product(layers.gate, row, column);
        return (gate / (1 + Math.exp(-gate))) * product(layers.up, row, column);
      });
      requireNear('LinearGate', floatsOf(out, 'gated'), spread(wanted, MIXED));
    }
  } finally {
    session.dispose();
  }
}

/** @param weights [width, outputs] */
function sumOf(quants: Uint8Array, row: number, weights: Int8Array, column: number, width: number): number {
  const outputs = weights.length / width;
  let sum = 0;
  for (let i = 0; i < width; i++) sum += (quants[row * width + i]! - ZERO_POINT) * weights[i * outputs + column]!;
  return sum;
}
