import { loadRuntime, Tensor } from '@sluice/ort';
import { GraphBuilder } from './graph-builder.js';
import { encodeModel } from './onnx.js';
import { WeightTable } from './weight-table.js';

/** target -= left × right, in place. @param target [n, columns]; @param left [n, k]; @param right [k, columns]. */
export type SubtractProduct = (target: Float32Array, left: Float32Array, right: Float32Array, columns: number) => void;

/** Lends the runtime's product of matrices, which takes a fiftieth of the time of one written here. */
export function withProducts(use: (subtractProduct: SubtractProduct) => void): void {
  const builder = new GraphBuilder('subtract-product', new WeightTable('none'));
  builder.input('target', 'float32', ['n', 'columns']);
  builder.input('left', 'float32', ['n', 'k']);
  builder.input('right', 'float32', ['k', 'columns']);
  const product = builder.node('MatMul', ['left', 'right'], 'product');
  builder.output(builder.node('Sub', ['target', product], 'difference'), 'float32', ['n', 'columns']);
  const session = loadRuntime().createSession(encodeModel(builder.graph()), {
    entries: { 'session.intra_op.allow_spinning': '0' },
  });
  try {
    const binding = session.createBinding();
    use((target, left, right, columns) => {
      const n = target.length / columns;
      const k = right.length / columns;
      const tensors = {
        target: Tensor.over(target, [n, columns]),
        left: Tensor.over(left, [n, k]),
        right: Tensor.over(right, [k, columns]),
      };
      for (const [name, tensor] of Object.entries(tensors)) binding.bindInput(name, tensor);
      binding.bindOutput('difference', tensors.target);
      session.runSync(binding);
      for (const tensor of Object.values(tensors)) tensor.dispose();
    });
  } finally {
    session.dispose();
  }
}
