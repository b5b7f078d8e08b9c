import { type TinyGraph, tinyModel } from './tiny-graph.js';

type Elements = TinyGraph['inputs'][string]['type'];

/** y = a + b over [n, 2]; the kernel works in place when y lies over a or b. */
export function adder(type: Elements = 'float32'): Uint8Array {
  const value = { type, shape: ['n', 2] };
  return tinyModel({ inputs: { a: value, b: value }, outputs: { y: value }, nodes: [['Add', ['a', 'b'], ['y']]] });
}

/** y = x, of any rank. */
export function identity(type: Elements): Uint8Array {
  return tinyModel({ inputs: { x: { type } }, outputs: { y: { type } }, nodes: [['Identity', ['x'], ['y']]] });
}

/** y = x · w with w [size, size]; the weight inside, or outside in `location` from `byteOffset` on. */
export function matrixProduct(
  size: number,
  weight: Float32Array | { location: string; byteOffset: number },
): Uint8Array {
  const value = { type: 'float32', shape: ['n', size] } as const;
  const w = { type: 'float32', shape: [size, size] } as const;
  return tinyModel({
    inputs: { x: value },
    outputs: { y: value },
    nodes: [['MatMul', ['x', 'w'], ['y']]],
    weights: {
      w:
        weight instanceof Float32Array
          ? { ...w, bytes: new Uint8Array(weight.buffer, weight.byteOffset, weight.byteLength) }
          : { ...w, external: { ...weight, byteLength: size * size * 4 } },
    },
  });
}

/** x · w · w · w …, `length` times: with w the unit matrix y = x, and a pass that takes as long as x is tall. */
export function longChain(length: number, size: number): Uint8Array {
  const value = { type: 'float32', shape: ['n', size] } as const;
  const name = (index: number) => (index === 0 ? 'x' : index === length ? 'y' : `h${index}`);
  return tinyModel({
    inputs: { x: value },
    outputs: { y: value },
    nodes: Array.from({ length }, (_, index) => ['MatMul', [name(index), 'w'], [name(index + 1)]] as const),
    weights: { w: { type: 'float32', shape: [size, size], bytes: new Uint8Array(diagonal(size, () => 1).buffer) } },
  });
}

/** A square matrix, row-major, with `at(i)` on its diagonal. */
export function diagonal(size: number, at: (index: number) => number): Float32Array {
  const matrix = new Float32Array(size * size);
  for (let index = 0; index < size; index += 1) matrix[index * size + index] = at(index);
  return matrix;
}
