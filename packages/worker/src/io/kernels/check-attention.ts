import { Tensor } from '@sluice/ort';
import { GraphBuilder } from '../../model/compile/graph-builder.js';
import type { KvMode } from '../../model/compile/kv-format.js';
import { kvLayout } from '../../model/compile/kv-layout.js';
import { WeightTable } from '../../model/compile/weight-table.js';
import { type AttentionCase, attend, inLevels, rotateAll } from './attention-reference.js';
import { floatsOf, openSession, randomFloats, requireNear, run } from './check-session.js';

const SLOTS = 3;
const POSITIONS = 160;
/** Of the prompt; more than two blocks of 64, and more than one of 128. */
const TOKENS = 140;

/** Arrays over slots, and how far off what is computed from them may be, but for what rounding to 8 bits is defined to do. */
const arenas = {
  float32: { array: Float32Array, tolerance: 1e-4 },
  float16: { array: Uint16Array, tolerance: 2e-3 },
  int8: { array: Int8Array, tolerance: 0 },
  uint8: { array: Uint8Array, tolerance: 1e-4 },
} as const;
/** Four of them are a float that is no number, and so is what a slot has for scales before they are written. */
const UNWRITTEN = 255;

/**
 * A prompt in one piece, and in several beside other sequences: the right numbers, and the same bits.
 * @throws Error where they are not.
 */
export function checkAttention(libraryPath: string): void {
  const sizes = { heads: 6, kvHeads: 2, headDim: 32, slots: SLOTS, positions: POSITIONS };
  const cases: readonly (readonly [KvMode, Partial<AttentionCase>])[] = [
    ['f32', { interleaved: false }],
    ['f32', { window: 20 }],
    ['f16', {}],
    ['q8', { headDim: 64 }],
    ['q8', { headDim: 64, window: 70 }],
    ['q8', { headDim: 80, window: 20 }],
    ['q8', { headDim: 128, heads: 2, kvHeads: 1, interleaved: false }],
    ['q8', { headDim: 16, heads: 14 }],
  ];
  for (const [kv, odd] of cases) checkCase(libraryPath, { ...sizes, interleaved: true, window: 0, ...odd }, kv);
}

function checkCase(libraryPath: string, sizes: AttentionCase, kv: KvMode): void {
  const { type, positionLength } = kvLayout(kv, 'own', sizes);
  const { array, tolerance } = arenas[type];
  const width = (sizes.heads + 2 * sizes.kvHeads) * sizes.headDim;
  const arenaShape = [SLOTS, sizes.kvHeads, POSITIONS, positionLength];
  const builder = new GraphBuilder('attention', new WeightTable('none'));
  const inputs = [
    builder.input('qkv', 'float32', ['tokens', width]),
    builder.input('scale', 'float32', ['tokens', 1]),
    ...['keys', 'values'].map((name) => builder.input(name, type, arenaShape)),
    ...['slots', 'positions'].map((name) => builder.input(name, 'int32', ['tokens'])),
    ...['cos', 'sin'].map((name) => builder.input(name, 'float32', [POSITIONS, sizes.headDim / 2])),
  ];
  builder.nodeWithOutputs('Attention', inputs, ['attended'], {
    heads: { int: sizes.heads },
    kv_heads: { int: sizes.kvHeads },
    interleaved: { int: sizes.interleaved ? 1 : 0 },
    window: { int: sizes.window },
  });
  builder.output('attended', 'float32', ['tokens', sizes.heads * sizes.headDim]);

  const random = randomFloats(11);
  const qkv = random(TOKENS * width, 1);
  const scale = random(TOKENS, 0.5).map((value) => value + 1);
  const half = sizes.headDim / 2;
  const angles = Float64Array.from(
    { length: POSITIONS * half },
    (_, at) => Math.floor(at / half) / 100 ** ((at % half) / half),
  );
  const [cos, sin] = [Float32Array.from(angles, Math.cos), Float32Array.from(angles, Math.sin)];
  const arenaOf = () => {
    const length = arenaShape.reduce((a, b) => a * b, 1);
    return new array(length).fill(type === 'uint8' ? UNWRITTEN : 0);
  };
  const arena = { keys: arenaOf(), values: arenaOf() };
  const table = [POSITIONS, half];

  const session = openSession(builder, libraryPath);
  /** Tokens of the prompt, by slot: which of them from and to. */
  const pass = (pieces: readonly (readonly [slot: number, from: number, to: number])[]): Float32Array => {
    const rows = pieces.flatMap(([slot, from, to]) =>
      Array.from({ length: to - from }, (_, index) => ({ slot, position: from + index })),
    );
    const rowsOf = (values: Float32Array, columns: number): Float32Array =>
      Float32Array.from(
        rows.flatMap(({ position }) => [...values.subarray(position * columns, (position + 1) * columns)]),
      );
    const out = run(session, {
      qkv: Tensor.over(rowsOf(qkv, width), [rows.length, width]),
      scale: Tensor.over(rowsOf(scale, 1), [rows.length, 1]),
      keys: Tensor.over(arena.keys, arenaShape, type),
      values: Tensor.over(arena.values, arenaShape, type),
      slots: Tensor.over(
        Int32Array.from(rows, ({ slot }) => slot),
        [rows.length],
      ),
      positions: Tensor.over(
        Int32Array.from(rows, ({ position }) => position),
        [rows.length],
      ),
      cos: Tensor.over(cos, table),
      sin: Tensor.over(sin, table),
    });
    return floatsOf(out, 'attended');
  };
  try {
    const whole = pass([[2, 0, TOKENS]]);
    const rotated = rotateAll(sizes, qkv, scale, cos, sin);
    const kept = kv === 'q8' ? inLevels(sizes, rotated) : rotated;
    requireNear('Attention', whole, attend(sizes, kept, TOKENS), tolerance);
    const columns = sizes.heads * sizes.headDim;
    const first = pass([[0, 0, 63]]);
    const second = pass([
      [0, 63, 64],
      [1, 0, 30],
    ]);
    const third = pass([
      [1, 30, 31],
      [0, 64, 129],
    ]);
    const fourth = pass([[0, 129, TOKENS]]);
    requireSame(first, whole.subarray(0, 63 * columns));
    requireSame(
      second,
      Float32Array.from([...whole.subarray(63 * columns, 64 * columns), ...whole.subarray(0, 30 * columns)]),
    );
    requireSame(
      third,
      Float32Array.from([
        ...whole.subarray(30 * columns, 31 * columns),
        ...whole.subarray(64 * columns, 129 * columns),
      ]),
    );
    requireSame(fourth, whole.subarray(129 * columns));
  } finally {
    session.dispose();
  }
}

function requireSame(got: Float32Array, wanted: Float32Array): void {
  if (got.length === wanted.length && got.every((value, at) => value === wanted[at])) return;
  throw new Error('Attention gives a token other bits where other tokens are in the pass');
}
