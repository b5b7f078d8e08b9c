import { loadRuntime, type Session, Tensor } from '@sluice/ort';
import { type Rng, seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { rotaryTables } from '../architectures/config.js';
import { ownKernels } from '../test-support/each-kernels.js';
import { type TinyModelOptions, tinyModel } from '../tiny-model.js';
import { GraphBuilder } from './graph-builder.js';
import type { KvMode } from './kv-format.js';
import { kvLayout } from './kv-layout.js';
import { encodeModel } from './onnx.js';
import { raggedAttention } from './ragged-attention.js';
import { WeightTable } from './weight-table.js';

const arrays = { float32: Float32Array, float16: Uint16Array, int8: Int8Array, uint8: Uint8Array } as const;

const SLOTS = 4;
const POSITIONS = 144;

describe.runIf(ownKernels !== undefined)('raggedAttention', () => {
  it.each<[string, TinyModelOptions, KvMode]>([
    ['four heads over two', {}, 'f32'],
    ['nine heads of 64 over three', { heads: 9, kvHeads: 3, headDim: 64 }, 'f32'],
    ['the same in 16 bits', { heads: 9, kvHeads: 3, headDim: 64 }, 'f16'],
    ['the same in 8 bits', { heads: 9, kvHeads: 3, headDim: 64 }, 'q8'],
    ['heads of 48 with keys of their own', { heads: 2, kvHeads: 2, headDim: 48 }, 'f32'],
    ['a window', { slidingWindowTokens: 70 }, 'f32'],
    ['a window in 16 bits', { slidingWindowTokens: 70 }, 'f16'],
    ['a window in 8 bits', { slidingWindowTokens: 70 }, 'q8'],
    ['heads of 80 in 8 bits', { heads: 4, kvHeads: 2, headDim: 80 }, 'q8'],
    ['heads of 128 in 8 bits', { heads: 8, kvHeads: 1, headDim: 128 }, 'q8'],
  ])('gives the same bits however the tokens of a pass are cut, mixed and threaded (%s)', async (_, options, kv) => {
    const one = new Bench(options, kv, 1);
    const many = new Bench(options, kv, 3);
    const alone = new Map<number, Float32Array[]>();
    for (let slot = 0; slot < SLOTS; slot++) {
      const rows: Float32Array[] = [];
      for (let position = 0; position < POSITIONS; position++)
        rows.push(...(await one.run([{ slot, position, count: 1 }])));
      alone.set(slot, rows);
    }
    const random = seededRng(5);
    const lengths = new Array<number>(SLOTS).fill(0);
    while (lengths.some((length) => length < POSITIONS)) {
      const units = shuffled(random)
        .map((slot) => ({
          slot,
          position: lengths[slot]!,
          count: Math.min(drawCount(random), POSITIONS - lengths[slot]!),
        }))
        .filter(({ count }) => count > 0);
      if (units.length === 0) continue;
      const expected = units.flatMap(({ slot, position, count }) => alone.get(slot)!.slice(position, position + count));
      expect(await many.run(units)).toEqual(expected);
      for (const { slot, count } of units) lengths[slot]! += count;
    }
    one.close();
    many.close();
  });
});

/** Nothing, a decode of one token or a few, or a chunk. */
function drawCount(random: Rng): number {
  return [0, 1, 1, 3, 2 + random.below(70)][random.below(5)]!;
}

function shuffled(random: Rng): number[] {
  return Array.from({ length: SLOTS }, (_, slot) => ({ slot, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ slot }) => slot);
}

interface Unit {
  readonly slot: number;
  readonly position: number;
  /** Tokens. */
  readonly count: number;
}

/** The operator alone, over a cache of its own; queries, keys and values follow from slot and position. */
class Bench {
  readonly #session: Session;
  readonly #width: number;
  readonly #outputWidth: number;
  readonly #constants: Record<string, Tensor>;

  constructor(options: TinyModelOptions, kv: KvMode, threads: number) {
    const { config } = tinyModel(1, { ...options, layers: 1 });
    const { heads, kvHeads, headDim } = config;
    this.#width = (heads + 2 * kvHeads) * headDim;
    this.#outputWidth = heads * headDim;
    const builder = new GraphBuilder('attention', new WeightTable('none'));
    const value = builder.input('qkv', 'float32', ['tokens', this.#width]);
    const scale = builder.input('qkv_scale', 'float32', ['tokens', 1]);
    const output = raggedAttention(builder, config, kv).attend(0, { value, scale });
    builder.output(output, 'float32', ['tokens', this.#outputWidth]);
    const { operatorLibrary } = ownKernels!.library;
    this.#session = loadRuntime().createSession(encodeModel(builder.graph()), {
      intraOpThreads: threads,
      operatorLibraries: [operatorLibrary!],
    });
    const arena = () => {
      const { type, positionLength } = kvLayout(kv, 'own', config);
      // Of bytes, what passes for NaN where a scale is read that was never written.
      const values = new arrays[type](SLOTS * kvHeads * POSITIONS * positionLength).fill(type === 'uint8' ? 255 : 0);
      return Tensor.over(values, [SLOTS, kvHeads, POSITIONS, positionLength], type);
    };
    const { cos, sin } = rotaryTables(config, POSITIONS);
    const table = (values: Float32Array) => Tensor.over(values, [POSITIONS, headDim / 2]);
    this.#constants = { key_0: arena(), value_0: arena(), cos: table(cos), sin: table(sin) };
  }

  /** A row for each token. */
  async run(units: readonly Unit[]): Promise<Float32Array[]> {
    const tokens = units.flatMap(({ slot, position, count }) =>
      Array.from({ length: count }, (_, token) => ({ slot, position: position + token })),
    );
    const qkv = new Float32Array(tokens.length * this.#width);
    const scales = new Float32Array(tokens.length);
    for (const [token, { slot, position }] of tokens.entries()) {
      const random = seededRng(slot * POSITIONS + position);
      for (let i = 0; i < this.#width; i++) qkv[token * this.#width + i] = 4 * random.next() - 2;
      scales[token] = 0.5 + random.next();
    }
    const outputs = await this.#session.runOnce({
      ...this.#constants,
      qkv: Tensor.over(qkv, [tokens.length, this.#width]),
      qkv_scale: Tensor.over(scales, [tokens.length, 1]),
      slots: Tensor.over(
        Int32Array.from(tokens, ({ slot }) => slot),
        [tokens.length],
      ),
      positions: Tensor.over(
        Int32Array.from(tokens, ({ position }) => position),
        [tokens.length],
      ),
    });
    const rows = Object.values(outputs)[0]!.array as Float32Array;
    return tokens.map((_, token) => rows.slice(token * this.#outputWidth, (token + 1) * this.#outputWidth));
  }

  close(): void {
    this.#session.dispose();
  }
}
