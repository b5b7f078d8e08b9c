import { loadRuntime, Tensor } from '@sluice/ort';
import { GraphBuilder } from './compile/graph-builder.js';
import { encodeModel } from './compile/onnx.js';
import { WeightTable } from './compile/weight-table.js';

const INPUTS = 64;
const OUTPUTS = 64;
const ROWS = 16;
/** The largest quants there are, with the same sign: their pairs are what a 16-bit sum cannot hold. */
const LARGEST_INPUT = 255;
const LARGEST_WEIGHT = 127;

/**
 * Whether this machine's kernel for 8-bit integers adds exactly. Without dot product instructions (VNNI) the one for
 * x86-64 adds pairs of products in 16 bits and cuts off what does not fit, so that layers in w8a8 come out wrong. Found
 * by trying it, since what a processor has and what the runtime makes of it are two things; takes a millisecond.
 */
export function addsInt8Exactly(): boolean {
  const builder = new GraphBuilder('int8-sums', new WeightTable('none'));
  builder.input('quants', 'uint8', ['rows', INPUTS]);
  builder.input('weights', 'int8', [INPUTS, OUTPUTS]);
  const one = builder.floats('one', Float32Array.of(1), []);
  builder.output(builder.node('MatMulIntegerToFloat', ['quants', 'weights', one, one], 'sums'), 'float32', [
    'rows',
    OUTPUTS,
  ]);
  const session = loadRuntime().createSession(encodeModel(builder.graph()), { intraOpThreads: 1 });
  try {
    const weights = Tensor.over(new Int8Array(INPUTS * OUTPUTS).fill(LARGEST_WEIGHT), [INPUTS, OUTPUTS]);
    return [1, ROWS].every((rows) => {
      const sums = new Float32Array(rows * OUTPUTS);
      const binding = session.createBinding();
      const quants = new Uint8Array(rows * INPUTS).fill(LARGEST_INPUT);
      binding.bindInput('quants', Tensor.over(quants, [rows, INPUTS]));
      binding.bindInput('weights', weights);
      binding.bindOutput('sums', Tensor.over(sums, [rows, OUTPUTS]));
      session.runSync(binding);
      return sums.every((sum) => sum === LARGEST_INPUT * LARGEST_WEIGHT * INPUTS);
    });
  } finally {
    session.dispose();
  }
}
