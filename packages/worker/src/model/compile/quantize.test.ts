import { loadRuntime, Tensor } from '@sluice/ort';
import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { dequantize } from '../gguf/dequantize/dequantize.js';
import { encodeTensor } from '../gguf/encode-tensor.js';
import { GraphBuilder } from './graph-builder.js';
import { LinearLayers, type WeightMode } from './linear.js';
import { encodeModel } from './onnx.js';
import { BLOCK, type Blocks, quantize4, quantize8, transpose } from './quantize.js';
import type { SourceMatrix } from './source-matrix.js';
import { blocksToFloats } from './test-support/blocks-to-floats.js';
import { WeightTable } from './weight-table.js';

const rows = 6;
const columns = 3 * BLOCK;

describe('quantize8', () => {
  it('moves no weight by more than half a step of its block', () => {
    const weights = random(rows * columns, 1);
    const blocks = quantize8(weights);
    const back = blocksToFloats(blocks, 8, columns);
    eachBlock(weights, (block, from) => {
      const step = blocks.scales[from / BLOCK]!;
      expect(step).toBeCloseTo(Math.max(...block.map(Math.abs)) / 127, 6);
      for (const [i, weight] of block.entries()) {
        expect(Math.abs(back[from + i]! - weight)).toBeLessThanOrEqual(step / 2 + 1e-6 * step);
      }
    });
  });

  it('keeps weights that came as Q8_0 exactly', () => {
    const weights = dequantize('Q8_0', encodeTensor('Q8_0', random(rows * columns, 2)), rows * columns);
    expect(blocksToFloats(quantize8(weights), 8, columns)).toEqual(weights);
  });

  it('keeps zeros, whole blocks of them too, and the smallest and largest of numbers', () => {
    const weights = new Float32Array(2 * BLOCK);
    weights[BLOCK] = 1e-42;
    weights[BLOCK + 1] = -1e-42;
    const back = blocksToFloats(quantize8(weights), 8, 2 * BLOCK);
    expect([...back.subarray(0, BLOCK)].every((weight) => weight === 0)).toBe(true);
    expect(back.every((weight) => Math.abs(weight) <= 2e-42)).toBe(true);
    const large = blocksToFloats(quantize8(new Float32Array(BLOCK).fill(-3e38)), 8, BLOCK);
    expect(large[0]! / -3e38).toBeCloseTo(1, 5);
  });
});

describe('quantize4', () => {
  it('moves no weight by more than a step of its block, and most by half of one', () => {
    const weights = random(rows * columns, 3);
    const back = blocksToFloats(quantize4(weights, columns), 4, columns);
    eachBlock(weights, (block, from) => {
      const step = (Math.max(0, ...block) - Math.min(0, ...block)) / 15;
      const errors = [...block].map((weight, i) => Math.abs(back[from + i]! - weight) / step);
      // The zero point is rounded too, so the ends of the range may lie half a step outside.
      expect(Math.max(...errors)).toBeLessThanOrEqual(1 + 1e-5);
      expect(errors.filter((error) => error > 0.5 + 1e-5).length).toBeLessThanOrEqual(4);
    });
  });

  it('keeps a zero weight zero, wherever the range of its block lies', () => {
    for (const shift of [0, 5, -5]) {
      const weights = random(rows * columns, 4).map((weight, i) => (i % 7 === 0 ? 0 : weight + shift));
      const back = blocksToFloats(quantize4(weights, columns), 4, columns);
      for (let i = 0; i < weights.length; i += 7) expect(back[i]).toBe(0);
    }
    expect(blocksToFloats(quantize4(new Float32Array(columns), columns), 4, columns).every((w) => w === 0)).toBe(true);
  });

  it('packs the zero points of a row of an odd number of blocks into bytes of its own', () => {
    const blocks = quantize4(random(rows * columns, 5), columns);
    expect(blocks.zeroPoints).toHaveLength(rows * 2);
    for (let row = 0; row < rows; row++) expect(blocks.zeroPoints![row * 2 + 1]! >> 4).toBe(0);
  });
});

describe('transpose', () => {
  it('turns rows into columns', () => {
    expect([...transpose(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3)]).toEqual([1, 4, 2, 5, 3, 6]);
  });
});

describe('LinearLayers.apply', () => {
  const first = matrix('a', 4, 6);
  const second = matrix('b', 3, 7);
  const input = random(2 * columns, 8);

  it('multiplies by matrices that stand on top of each other', async () => {
    const output = await run('f32', [first, second], input);
    expectNear(output, product(input, [...first.values, ...second.values], 7), 1e-4);
  });

  it.each<[WeightMode, 4 | 8, (weights: Float32Array) => Blocks]>([
    ['q8', 8, quantize8],
    ['q4', 4, (weights) => quantize4(weights, columns)],
  ])('gives what its %s blocks stand for, to the rounding of the input', async (mode, bits, quantize) => {
    const output = await run(mode, [first, second], input);
    const weights = [first, second].flatMap((one) => [...blocksToFloats(quantize(one.values), bits, columns)]);
    // The kernel rounds the input to 8 bits a block: 0.4 % of its largest value, over 96 products.
    expectNear(output, product(input, weights, 7), 0.15);
  });

  it('looks up the same rows that the head multiplies by', async () => {
    const table = matrix('table', 8, 9);
    for (const mode of ['f32', 'q8', 'q4'] as const) {
      const weights = new WeightTable('weights.bin');
      const builder = new GraphBuilder('look-up', weights);
      const linear = new LinearLayers(mode);
      const ids = builder.input('ids', 'int64', ['tokens']);
      builder.output(linear.lookUp(builder, ids, 'table', table, 'rows'), 'float32', ['tokens', columns]);
      const session = await open(builder, weights);
      const { rows: found } = await session.runOnce({ ids: Tensor.over(BigInt64Array.of(7n, 0n, 7n), [3]) });
      const expected = mode === 'f32' ? table.values : blocksToFloats(quantize8(table.values), 8, columns);
      const rowOf = (id: number) => [...expected.subarray(id * columns, (id + 1) * columns)];
      expectNear(found!.array as Float32Array, [...rowOf(7), ...rowOf(0), ...rowOf(7)], 1e-6);
      session.dispose();
    }
  });
});

interface KnownMatrix extends SourceMatrix {
  readonly values: Float32Array;
}

function matrix(name: string, count: number, seed: number): KnownMatrix {
  const values = random(count * columns, seed);
  return { name, rows: count, columns, values, read: () => Promise.resolve(values) };
}

async function run(mode: WeightMode, matrices: readonly KnownMatrix[], input: Float32Array): Promise<Float32Array> {
  const weights = new WeightTable('weights.bin');
  const builder = new GraphBuilder('one-layer', weights);
  const outputs = matrices.reduce((sum, one) => sum + one.rows, 0);
  const value = builder.input('input', 'float32', ['rows', columns]);
  const rows = { value, scale: undefined };
  const name = new LinearLayers(mode).applyWhole(builder, rows, 'layer', matrices, 'output');
  builder.output(name, 'float32', ['rows', outputs]);
  const session = await open(builder, weights);
  const result = await session.runOnce({ input: Tensor.over(input, [input.length / columns, columns]) });
  session.dispose();
  return result.output!.array as Float32Array;
}

/** The graph in the runtime, with its weights inside instead of in a file beside it. */
async function open(builder: GraphBuilder, weights: WeightTable) {
  const made = new Map<string, Uint8Array>();
  await weights.write(async (bytes, { name }) => {
    made.set(name, bytes.slice());
  });
  const graph = builder.graph();
  const initializers = graph.initializers.map((one) => ({ ...one, data: made.get(one.name) ?? one.data }));
  return loadRuntime().createSession(encodeModel({ ...graph, initializers }), { intraOpThreads: 1 });
}

function product(input: Float32Array, weights: ArrayLike<number>, outputs: number): number[] {
  const result: number[] = [];
  for (let row = 0; row < input.length / columns; row++) {
    for (let output = 0; output < outputs; output++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += input[row * columns + k]! * weights[output * columns + k]!;
      result.push(sum);
    }
  }
  return result;
}

function expectNear(actual: Float32Array, expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  for (const [index, value] of expected.entries()) expect(Math.abs(actual[index]! - value)).toBeLessThan(tolerance);
}

function random(count: number, seed: number): Float32Array {
  const rng = seededRng(seed);
  return Float32Array.from({ length: count }, () => 2 * rng.next() + 2 * rng.next() - 2);
}

function eachBlock(weights: Float32Array, visit: (block: Float32Array, from: number) => void): void {
  for (let from = 0; from < weights.length; from += BLOCK) visit(weights.subarray(from, from + BLOCK), from);
}
