import { Tensor } from '@sluice/ort';
import { GraphBuilder } from '../../model/compile/graph-builder.js';
import { panelShape, toPanels, zeroPointSums } from '../../model/compile/weight-panels.js';
import { WeightTable } from '../../model/compile/weight-table.js';
import { floatsOf, openSession, randomFloats, run } from './check-session.js';

const ZERO_POINT = 128;
/** Whole rows of a tile, and not. */
const INPUTS = [128, 80];
/** Not a whole number of panels, nor of vectors. */
const OUTPUTS = 150;

/**
 * Rows in every number that there is code for, up to more than a thread takes at once. Sums of integers are exact: what comes
 * out is that sum, rounded once for each of its two scales.
 * @throws Error where it is something else.
 */
export function checkLinear(libraryPath: string): void {
  for (const inputs of INPUTS) checkWidth(libraryPath, inputs);
}

function checkWidth(libraryPath: string, width: number): void {
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
    for (const rows of [1, 2, 3, 4, 5, 6, 7, 16, 17, 32, 33, 101, 160]) {
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
        let sum = 0;
        for (let i = 0; i < width; i++) sum += (quants[row * width + i]! - ZERO_POINT) * weights[i * OUTPUTS + column]!;
        const wanted = Math.fround(sum * scales[column]!);
        if (plain[at] === wanted && scaled[at] === Math.fround(wanted * rowScales[row]!)) continue;
        throw new Error('Linear gives other numbers than it is defined to');
      }
    }
  } finally {
    session.dispose();
  }
}
