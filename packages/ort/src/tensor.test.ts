import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Api, bindApi } from './api.js';
import type { ElementType, TensorArray } from './element-type.js';
import { bundledLibraryPath, openLibrary } from './library.js';
import { mapFile } from './mapped-file.js';
import { loadRuntime } from './runtime.js';
import { Tensor } from './tensor.js';
import { collectGarbage } from './testing/collect-garbage.js';
import { adder, identity } from './testing/graphs.js';

const runtime = loadRuntime();
const folder = mkdtempSync(path.join(tmpdir(), 'ort-tensor-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('Tensor.over', () => {
  const cases: [ElementType, TensorArray][] = [
    ['float32', Float32Array.of(1.5, -2)],
    ['float64', Float64Array.of(1.5, -2)],
    ['int8', Int8Array.of(1, -2)],
    ['uint8', Uint8Array.of(1, 255)],
    ['int16', Int16Array.of(1, -2)],
    ['uint16', Uint16Array.of(1, 65_535)],
    ['int32', Int32Array.of(1, -2)],
    ['uint32', Uint32Array.of(1, 4_294_967_295)],
    ['int64', BigInt64Array.of(1n, -(2n ** 60n))],
    ['uint64', BigUint64Array.of(1n, 2n ** 63n)],
    ['bool', Uint8Array.of(1, 0)],
    ['float16', Uint16Array.of(0x3c00, 0xc000)],
    ['bfloat16', Uint16Array.of(0x3f80, 0xc000)],
  ];
  it.each(cases)('carries %s there and back', async (type, array) => {
    const session = runtime.createSession(identity(type));
    const { y } = await session.runOnce({ x: Tensor.over(array, [1, 2], type) });
    expect(y).toEqual({ type, shape: [1, 2], array });
    session.dispose();
  });

  it('reads a view from where it begins', async () => {
    const session = runtime.createSession(adder());
    const buffer = Float32Array.of(9, 9, 1, 2, 9);
    const a = Tensor.over(buffer.subarray(2, 4), [1, 2]);
    const { y } = await session.runOnce({ a, b: a });
    expect(y?.array).toEqual(Float32Array.of(2, 4));
    session.dispose();
  });

  it('sees what is written to the array later', async () => {
    const session = runtime.createSession(adder());
    const array = Float32Array.of(1, 2);
    const a = Tensor.over(array, [1, 2]);
    await session.runOnce({ a, b: a });
    array.set([5, 6]);
    expect((await session.runOnce({ a, b: a })).y?.array).toEqual(Float32Array.of(10, 12));
    session.dispose();
  });

  it('lies over the front of a longer array', async () => {
    const session = runtime.createSession(adder());
    const a = Tensor.over(Float32Array.of(1, 2, 3, 4), [1, 2]);
    expect((await session.runOnce({ a, b: a })).y?.array).toEqual(Float32Array.of(2, 4));
    session.dispose();
  });

  it('may be empty', async () => {
    const session = runtime.createSession(adder());
    const none = Tensor.over(new Float32Array(0), [0, 2]);
    const { y } = await session.runOnce({ a: none, b: none });
    expect(y).toEqual({ type: 'float32', shape: [0, 2], array: new Float32Array(0) });
    session.dispose();
  });

  it('is a scalar with an empty shape', async () => {
    const session = runtime.createSession(identity('int32'));
    const { y } = await session.runOnce({ x: Tensor.over(Int32Array.of(7), []) });
    expect(y).toEqual({ type: 'int32', shape: [], array: Int32Array.of(7) });
    session.dispose();
  });

  it('names what does not fit', () => {
    expect(() => Tensor.over(new Float32Array(5), [2, 3])).toThrow(
      'shape [2,3] of float32 needs 24 bytes, the array has 20',
    );
    expect(() => Tensor.over(new Float32Array(6), [-2, -3])).toThrow('dimension -2 of shape [-2,-3]');
    expect(() => Tensor.over(new Float32Array(6), [1.5])).toThrow('dimension 1.5');
    expect(() => Tensor.over(new Float32Array(6), [2], 'int64')).toThrow('lies over a BigInt64Array');
    expect(() => Tensor.over(new Float32Array(6), Array(17).fill(1))).toThrow('rank 17 must be at most 16');
    expect(() => Tensor.over(new Float32Array(6), [2 ** 40, 2 ** 40])).toThrow('too large');
  });
});

describe('Tensor.overMapped', () => {
  const file = path.join(folder, 'values.bin');
  writeFileSync(file, new Uint8Array(Float32Array.of(9, 9, 1, 2).buffer));

  it('reads the file in place', async () => {
    const session = runtime.createSession(adder());
    const a = Tensor.overMapped(mapFile(file), 8, 'float32', [1, 2]);
    expect((await session.runOnce({ a, b: a })).y?.array).toEqual(Float32Array.of(2, 4));
    session.dispose();
  });

  it('keeps the file mapped while it is bound', async () => {
    const session = runtime.createSession(adder());
    const binding = session.createBinding();
    (() => {
      const a = Tensor.overMapped(mapFile(file), 8, 'float32', [1, 2]);
      binding.bindInput('a', a);
      binding.bindInput('b', a);
      a.dispose();
    })();
    await collectGarbage();
    binding.bindOutputToCpu('y');
    await session.run(binding);
    expect(binding.readOutput('y').array).toEqual(Float32Array.of(2, 4));
    session.dispose();
  });

  it('refuses what lies beyond the end of the file', () => {
    expect(() => Tensor.overMapped(mapFile(file), 12, 'float32', [2])).toThrow('8 bytes at 12 are not inside');
    expect(() => Tensor.overMapped(mapFile(file), -4, 'float32', [1])).toThrow('4 bytes at -4 are not inside');
  });
});

describe('Tensor.dispose', () => {
  const MEMORY_INFO = { type: 1, memory: 0 };

  /** The real API, with a tally of the native values that exist. */
  function countingApi() {
    const real = bindApi(openLibrary(bundledLibraryPath()));
    const tally = { alive: 0 };
    const api: Api = {
      ...real,
      CreateTensorWithDataAsOrtValue: (...args) => {
        real.CreateTensorWithDataAsOrtValue(...args);
        tally.alive += 1;
      },
      ReleaseValue: (value) => {
        real.ReleaseValue(value);
        tally.alive -= 1;
      },
    };
    return {
      api,
      tally,
      memory: real.created((out) => real.CreateCpuMemoryInfo(MEMORY_INFO.type, MEMORY_INFO.memory, out)),
    };
  }

  it('frees the native value once, and not before whoever holds it lets go', () => {
    const { api, tally, memory } = countingApi();
    const tensor = Tensor.over(new Float32Array(2), [2]);
    tensor.valueFor(api, memory);
    tensor.hold();
    tensor.dispose();
    expect(tally.alive).toBe(1);
    tensor.letGo();
    expect(tally.alive).toBe(0);
    tensor.dispose();
    expect(tally.alive).toBe(0);
  });

  it('happens by itself when a tensor is dropped', async () => {
    const { api, tally, memory } = countingApi();
    for (let count = 0; count < 100; count += 1) Tensor.over(new Float32Array(2), [2]).valueFor(api, memory);
    expect(tally.alive).toBe(100);
    await collectGarbage();
    expect(tally.alive).toBe(0);
  });

  it('makes the tensor unusable', () => {
    const session = runtime.createSession(adder());
    const tensor = Tensor.over(new Float32Array(2), [1, 2]);
    tensor.dispose();
    expect(() => session.createBinding().bindInput('a', tensor)).toThrow('was disposed of');
    session.dispose();
  });
});
