import { Tensor } from '@sluice/ort';
import { GraphBuilder } from '../../model/compile/graph-builder.js';
import { WeightTable } from '../../model/compile/weight-table.js';
import { floatsOf, openSession, randomFloats, run } from './check-session.js';

const ZERO_POINT = 128;
const ROWS = 11;
const BLOCKS = 3;
const CHANNELS = 32;
/** Some that a thread takes alone, and more than one takes at once. */
const TOKENS = [1, 5, 150];

/**
 * A level times its scale is rounded once.
 * @throws Error where a row is something else.
 */
export function checkLookUp(libraryPath: string): void {
  const builder = new GraphBuilder('look-up', new WeightTable('none'));
  const inputs = [
    builder.input('quants', 'uint8', [ROWS, BLOCKS, CHANNELS]),
    builder.input('ids', 'int64', ['tokens']),
    builder.input('scales', 'float32', [ROWS, BLOCKS, 1]),
  ];
  builder.output(builder.node('LookUp', inputs, 'rows'), 'float32', ['tokens', BLOCKS * CHANNELS]);

  const random = randomFloats(21);
  const quants = Uint8Array.from(random(ROWS * BLOCKS * CHANNELS, 127.4), (value) => Math.round(value) + ZERO_POINT);
  const scales = random(ROWS * BLOCKS, 1);
  const session = openSession(builder, libraryPath);
  try {
    for (const tokens of TOKENS) {
      const ids = BigInt64Array.from({ length: tokens }, (_, token) => BigInt((token * 7 + tokens) % ROWS));
      const out = run(session, {
        quants: Tensor.over(quants, [ROWS, BLOCKS, CHANNELS]),
        ids: Tensor.over(ids, [tokens]),
        scales: Tensor.over(scales, [ROWS, BLOCKS, 1]),
      });
      for (const [at, value] of floatsOf(out, 'rows').entries()) {
        const from = Number(ids[Math.floor(at / (BLOCKS * CHANNELS))]) * BLOCKS * CHANNELS + (at % (BLOCKS * CHANNELS));
        if (value === Math.fround((quants[from]! - ZERO_POINT) * scales[Math.floor(from / CHANNELS)]!)) continue;
        throw new Error('LookUp gives other rows than it is defined to');
      }
    }
  } finally {
    session.dispose();
  }
}
