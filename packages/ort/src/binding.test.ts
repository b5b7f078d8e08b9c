import { afterAll, describe, expect, it } from 'vitest';
import { loadRuntime } from './runtime.js';
import { Tensor } from './tensor.js';
import { collectGarbage } from './testing/collect-garbage.js';
import { adder } from './testing/graphs.js';
import { tinyModel } from './testing/tiny-graph.js';

const runtime = loadRuntime();
const session = runtime.createSession(adder(), { logLevel: 'fatal' });
afterAll(() => session.dispose());

const pair = (...values: number[]) => Tensor.over(Float32Array.from(values), [values.length / 2, 2]);

describe('Binding', () => {
  it('writes outputs straight into the arrays bound to them', async () => {
    const binding = session.createBinding();
    const y = new Float32Array(2);
    binding.bindInput('a', pair(1, 2));
    binding.bindInput('b', pair(3, 4));
    binding.bindOutput('y', Tensor.over(y, [1, 2]));
    await session.run(binding);
    expect(y).toEqual(Float32Array.of(4, 6));
    binding.dispose();
  });

  it('updates memory in place that is bound as input and output', async () => {
    const binding = session.createBinding();
    const cache = new Float32Array(8);
    const slot = Tensor.over(cache.subarray(2, 4), [1, 2]);
    binding.bindInput('a', slot);
    binding.bindInput('b', pair(1, 10));
    binding.bindOutput('y', slot);
    for (let run = 0; run < 5; run += 1) await session.run(binding);
    expect(cache).toEqual(Float32Array.of(0, 0, 5, 50, 0, 0, 0, 0));
    binding.dispose();
  });

  it('keeps bound arrays alive when nobody else does', async () => {
    const binding = session.createBinding();
    (() => {
      binding.bindInput('a', Tensor.over(new Float32Array(2 ** 16).fill(1), [2 ** 15, 2]));
      binding.bindInput('b', Tensor.over(new Float32Array(2 ** 16).fill(2), [2 ** 15, 2]));
    })();
    binding.bindOutputToCpu('y');
    await collectGarbage();
    // What the collector freed would be handed out again and overwritten here.
    const others = Array.from({ length: 64 }, () => new Float32Array(2 ** 16).fill(99));
    await session.run(binding);
    const { array } = binding.readOutput('y');
    expect((array as Float32Array).every((value) => value === 3)).toBe(true);
    expect(others.length).toBe(64);
    binding.dispose();
  });

  it('lets go of arrays that were replaced or cleared', async () => {
    const binding = session.createBinding();
    const bound = (() => {
      const arrays = [0, 1, 2].map(() => new Float32Array(2 ** 16));
      const [replaced, input, output] = arrays.map((array) => Tensor.over(array, [2 ** 15, 2])) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      binding.bindInput('a', replaced);
      binding.bindInput('a', input);
      binding.bindOutput('y', output);
      return arrays.map((array) => new WeakRef(array));
    })();
    await collectGarbage();
    expect(bound.map((array) => array.deref() !== undefined)).toEqual([false, true, true]);
    binding.clear();
    await collectGarbage();
    expect(bound.map((array) => array.deref() !== undefined)).toEqual([false, false, false]);
    binding.dispose();
  });

  it('still reads a tensor that was disposed of while bound', async () => {
    const binding = session.createBinding();
    const a = pair(1, 2);
    binding.bindInput('a', a);
    binding.bindInput('b', a);
    a.dispose();
    binding.bindOutputToCpu('y');
    await session.run(binding);
    expect(binding.readOutput('y').array).toEqual(Float32Array.of(2, 4));
    binding.dispose();
  });

  it('cannot be changed while a run goes on', async () => {
    const binding = session.createBinding();
    binding.bindInput('a', pair(1, 2));
    binding.bindInput('b', pair(1, 2));
    binding.bindOutputToCpu('y');
    const run = session.run(binding);
    const inUse = expect.objectContaining({ name: 'OrtError', code: 'in_use' });
    expect(() => binding.bindInput('a', pair(5, 6))).toThrow(inUse);
    expect(() => binding.readOutput('y')).toThrow(inUse);
    expect(() => binding.clear()).toThrow(inUse);
    expect(() => binding.dispose()).toThrow(inUse);
    await expect(session.run(binding)).rejects.toThrow(inUse);
    await run;
    expect(binding.readOutput('y').array).toEqual(Float32Array.of(2, 4));
    binding.dispose();
    expect(() => binding.clear()).toThrow(expect.objectContaining({ code: 'disposed' }));
  });
});

describe('Binding.bindInput', () => {
  const binding = session.createBinding();
  const refusal = (message: string) => expect.objectContaining({ code: 'INVALID_ARGUMENT', message });

  it('names the inputs that there are', () => {
    expect(() => binding.bindInput('c', pair(1, 2))).toThrow(refusal("the graph has no input 'c'; it has a, b"));
  });

  it('names both types when they differ', () => {
    const tensor = Tensor.over(Int32Array.of(1, 2), [1, 2]);
    expect(() => binding.bindInput('a', tensor)).toThrow(refusal("input 'a' is float32, the tensor is int32"));
  });

  it('names both shapes when rank or a fixed dimension differs', () => {
    const array = new Float32Array(6);
    expect(() => binding.bindInput('a', Tensor.over(array, [2, 3]))).toThrow(
      refusal("input 'a' has shape [?, 2], the tensor [2, 3]"),
    );
    expect(() => binding.bindInput('a', Tensor.over(array, [2]))).toThrow(
      refusal("input 'a' has shape [?, 2], the tensor [2]"),
    );
  });
});

describe('Binding.bindOutputToCpu', () => {
  it('serves runs of different shapes', async () => {
    const binding = session.createBinding();
    binding.bindOutputToCpu('y');
    for (const tensor of [pair(1, 2), pair(1, 2, 3, 4), pair(5, 6)]) {
      binding.bindInput('a', tensor);
      binding.bindInput('b', tensor);
      await session.run(binding);
      const { shape, array } = binding.readOutput('y');
      expect(shape).toEqual(tensor.shape);
      expect(array).toEqual((tensor.array as Float32Array).map((value) => value * 2));
    }
    binding.dispose();
  });
});

describe('Binding.readOutput', () => {
  it('finds each output whatever the order of binding', async () => {
    const value = { type: 'float32', shape: [2] } as const;
    const two = runtime.createSession(
      tinyModel({
        inputs: { x: value },
        outputs: { sum: value, negative: value },
        nodes: [
          ['Add', ['x', 'x'], ['sum']],
          ['Neg', ['x'], ['negative']],
        ],
      }),
    );
    const binding = two.createBinding();
    binding.bindInput('x', Tensor.over(Float32Array.of(1, 2), [2]));
    binding.bindOutputToCpu('negative');
    binding.bindOutput('sum', Tensor.over(new Float32Array(2), [2]));
    binding.bindOutputToCpu('negative');
    await two.run(binding);
    expect(binding.readOutput('sum').array).toEqual(Float32Array.of(2, 4));
    expect(binding.readOutput('negative').array).toEqual(Float32Array.of(-1, -2));
    two.dispose();
  });

  it('says when there is nothing to read', () => {
    const binding = session.createBinding();
    expect(() => binding.readOutput('y')).toThrow("output 'y' is not bound");
    binding.bindOutputToCpu('y');
    expect(() => binding.readOutput('y')).toThrow("output 'y' has no value yet");
    expect(() => binding.readOutput('z')).toThrow("the graph has no output 'z'; it has y");
    binding.dispose();
  });
});
