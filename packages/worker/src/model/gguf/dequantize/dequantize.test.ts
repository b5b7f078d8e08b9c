import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeTensor, halfBits } from '../encode-tensor.js';
import { isTensorType, tensorTypes } from '../tensor-types.js';
import { dequantize } from './dequantize.js';
import { halfAt } from './half.js';

interface GoldenCase {
  readonly type: string;
  readonly blocks: string;
  readonly float32: string;
}

const goldenFile = new URL('../../../../../../test/golden/dequantize.json', import.meta.url);
const golden = JSON.parse(readFileSync(goldenFile, 'utf8')) as { readonly cases: readonly GoldenCase[] };

describe('dequantize', () => {
  it('has a golden case for every type that can be read', () => {
    expect(golden.cases.map(({ type }) => type).sort()).toEqual(Object.keys(tensorTypes).sort());
  });

  it.each(golden.cases)('gives the values of the Python gguf package for $type, bit for bit', (golden) => {
    if (!isTensorType(golden.type)) throw new Error(`unknown type ${golden.type}`);
    const wanted = Buffer.from(golden.float32, 'base64');
    const values = dequantize(golden.type, Buffer.from(golden.blocks, 'base64'), wanted.length / 4);
    expect(Buffer.from(values.buffer).equals(wanted)).toBe(true);
  });

  it('reads a block that does not begin at an even byte', () => {
    const bytes = new Uint8Array(9);
    new DataView(bytes.buffer).setFloat32(1, 1.5, true);
    expect([...dequantize('F32', bytes.subarray(1, 5), 1)]).toEqual([1.5]);
  });

  it('refuses a count that is not what the bytes hold', () => {
    expect(() => dequantize('Q8_0', new Uint8Array(34), 64)).toThrow('64 values of Q8_0 cannot be 34 bytes');
  });
});

describe('encodeTensor', () => {
  const values = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * 1.7) * (i < 32 ? 1 : 40));

  it.each([
    ['F32', 0],
    ['F16', 2 ** -11],
    ['BF16', 2 ** -7],
    ['Q8_0', 1 / 220],
    ['Q4_1', 1 / 14],
    ['Q4_0', 1 / 13],
  ] as const)('comes back from %s within %d of the largest value of its block', (type, tolerance) => {
    const back = dequantize(type, encodeTensor(type, values), values.length);
    for (const [i, value] of values.entries()) {
      expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(tolerance * (i < 32 ? 1 : 40));
    }
  });

  it('says so when a type cannot be encoded', () => {
    expect(() => encodeTensor('Q6_K', new Float32Array(256))).toThrow('Q6_K cannot be encoded');
  });
});

describe('halfBits', () => {
  it('gives back every half-precision number', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      if ((bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0) continue;
      const value = halfAt(Uint8Array.of(bits & 0xff, bits >> 8), 0);
      if (halfBits(value) !== bits) expect.fail(`${bits} is worth ${value}, which became ${halfBits(value)}`);
    }
  });

  it('rounds ties to even and what is too large to infinity', () => {
    expect(halfBits(1 + 2 ** -11)).toBe(halfBits(1));
    expect(halfBits(1 + 3 * 2 ** -11)).toBe(halfBits(1 + 2 ** -9));
    expect(halfBits(65_519)).toBe(halfBits(65_504));
    expect(halfBits(-65_520)).toBe(0xfc00);
  });
});
