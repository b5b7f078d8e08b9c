import { describe, expect, it } from 'vitest';
import { loadRuntime } from './runtime.js';
import { Tensor } from './tensor.js';
import { tinyModel } from './testing/tiny-graph.js';

const runtime = loadRuntime();

/** y = a + b, over a batch of any size. */
const adder = tinyModel({
  inputs: { a: { type: 'float32', shape: ['n', 2] }, b: { type: 'float32', shape: ['n', 2] } },
  outputs: { y: { type: 'float32', shape: ['n', 2] } },
  nodes: [['Add', ['a', 'b'], ['y']]],
});

describe('Session.runOnce', () => {
  it('computes what the graph says', async () => {
    const session = runtime.createSession(adder);
    const a = Tensor.over(Float32Array.of(1, 2, 3, 4), [2, 2]);
    const b = Tensor.over(Float32Array.of(10, 20, 30, 40), [2, 2]);
    const { y } = await session.runOnce({ a, b });
    expect(y).toEqual({ type: 'float32', shape: [2, 2], array: Float32Array.of(11, 22, 33, 44) });
    session.dispose();
  });
});
