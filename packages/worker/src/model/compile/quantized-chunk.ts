import type { DecoderConfig } from '../architectures/config.js';
import type { GraphBuilder } from './graph-builder.js';
import type { KvFormat } from './kv-format.js';
import { type chunkLane, UPDATED } from './lane-names.js';

/**
 * A prefill lane over keys and values in 8 bits. GroupQueryAttention could read them itself, but multiplies 8-bit keys
 * with one query at a time, without skipping what is masked: 128 tokens behind 1,024 took 1.8 times as long as in floats.
 * Here it is given floats:
 *
 *   chunk [tokens, qkv] ─ rotate ─┬─ queries × key scales ──────────────────▶ GroupQueryAttention ─ × value scales ─▶
 *                                 └─ keys, values ÷ scales ─ round ─┬─ as floats ──▲  ▲
 *   slot [1, kvHeads, positions, headDim] ──◀─────────────── write ─┘                 │
 *                                         └─ in front of the chunk, as floats ────────┘
 *
 * Keys and values go in as whole levels and never see their scales. The chunk attends to itself as it is kept, so that
 * it does not matter where a prompt is cut.
 * @returns attention of a layer: from the chunk's [tokens, (heads + 2 * kvHeads) * headDim] to [tokens, heads * headDim].
 */
export function quantizedChunk(
  builder: GraphBuilder,
  config: DecoderConfig,
  kv: KvFormat,
  lane: ReturnType<typeof chunkLane>,
): (layer: number, qkv: string) => string {
  const { heads, kvHeads, headDim } = config;
  const queryWidth = heads * headDim;
  const keyWidth = kvHeads * headDim;
  const at = (name: string): string => `${lane.start}.${name}`;
  const one = builder.integers('one', [1], []);
  const zero = builder.integers('zero', [0], []);
  const none = builder.integers('axis_rows', [0]);
  const positionAxis = builder.integers('axis_positions', [2]);
  const asBatch = builder.integers('axis_batch', [0]);

  const tokens = builder.node('Sub', [lane.end, lane.start], at('tokens'));
  const total = builder.node('Cast', [lane.total], at('total'), { to: { int: 7 } });
  /** int64 [1] */
  const past = builder.node('Sub', [total, tokens], at('past'));
  const positions = builder.node('Range', [builder.node('Squeeze', [past], at('first')), total, one], at('range'));
  const column = builder.node('Reshape', [positions, builder.integers('shape_column', [-1, 1, 1])], at('positions'));
  const everyHead = Array.from({ length: kvHeads }, (_, head) => head);
  const headRow = builder.integers('kv_heads', everyHead, [1, kvHeads, 1]);
  const noBatch = builder.node('Mul', [builder.node('Add', [column, headRow], at('grid')), zero], at('batches'));
  /** int64 [tokens, kvHeads, 3]: where in the slot each token's heads lie. */
  const places = builder.node(
    'Concat',
    [noBatch, builder.node('Add', [noBatch, headRow], at('heads')), builder.node('Add', [noBatch, column], at('rows'))],
    at('places'),
    { axis: { int: 2 } },
  );

  return (layer, qkv) => {
    const of = (name: string): string => `${qkv}.${name}`;
    const scales = kv.scales(layer);
    const perToken = builder.integers('shape_per_token', [1, -1, queryWidth + 2 * keyWidth]);
    builder.nodeWithOutputs(
      'Split',
      [
        builder.node('Reshape', [qkv, perToken], of('batch')),
        builder.integers('split_values', [queryWidth + keyWidth, keyWidth]),
      ],
      [of('plain'), of('values')],
      { axis: { int: 2 } },
    );
    builder.node('RotaryEmbedding', [of('plain'), past, 'cos', 'sin'], of('turned'), {
      interleaved: { int: config.rope.interleaved ? 1 : 0 },
    });
    builder.nodeWithOutputs(
      'Split',
      [of('turned'), builder.integers('split_keys', [queryWidth, keyWidth])],
      [of('queries'), of('keys')],
      { axis: { int: 2 } },
    );

    /** Levels of the chunk as floats, and of what is in front of it; writes the chunk into the slot. */
    const keep = (kind: 'keys' | 'values', cache: string): [own: string, past: string] => {
      const inverse = builder.floats(
        `layer${layer}.${kind}.levels`,
        scales[kind].map((scale) => 1 / scale),
        [keyWidth],
      );
      const levels = builder.node(
        'QuantizeLinear',
        [builder.node('Mul', [of(kind), inverse], of(`${kind}.scaled`)), 'unit', 'level0'],
        of(`${kind}.levels`),
      );
      const perHead = builder.integers('shape_per_head', [-1, kvHeads, headDim]);
      const rows = builder.node('Reshape', [levels, perHead], of(`${kind}.rows`));
      builder.node('ScatterND', [cache, places, rows], cache + UPDATED);
      const before = builder.node('Slice', [cache, asBatch, past, positionAxis], of(`${kind}.before`));
      return [asFloats(levels), asFloats(before)];
    };
    const asFloats = (levels: string): string =>
      builder.node('DequantizeLinear', [levels, 'unit', 'level0'], `${levels}.floats`);

    builder.floats('unit', Float32Array.of(1), []);
    builder.int8s('level0', Int8Array.of(0), []);
    const [keys, pastKeys] = keep('keys', lane.key(layer));
    const [values, pastValues] = keep('values', lane.value(layer));
    const queryScales = builder.floats(`layer${layer}.query_scales`, forEachHead(scales.keys, config), [queryWidth]);
    const outputScales = builder.floats(`layer${layer}.output_scales`, forEachHead(scales.values, config), [
      queryWidth,
    ]);
    builder.nodeWithOutputs(
      'GroupQueryAttention',
      [
        builder.node('Mul', [of('queries'), queryScales], of('scaled')),
        keys,
        values,
        pastKeys,
        pastValues,
        lane.last,
        lane.total,
      ],
      // Without names for present keys and values the kernel computes something else.
      [of('attended'), of('present_keys'), of('present_values')],
      {
        num_heads: { int: heads },
        kv_num_heads: { int: kvHeads },
        ...(config.slidingWindowTokens === undefined ? {} : { local_window_size: { int: config.slidingWindowTokens } }),
      },
    );
    const rows = builder.node('Squeeze', [of('attended'), none], of('rows'));
    return builder.node('Mul', [rows, outputScales], of('out'));
  };
}

/** Factors of key-value channels, [kvHeads * headDim], as the heads see them that share them: [heads * headDim]. */
function forEachHead(factors: Float32Array, { heads, kvHeads, headDim }: DecoderConfig): Float32Array {
  return Float32Array.from({ length: heads * headDim }, (_, channel) => {
    const kvHead = Math.floor(Math.floor(channel / headDim) / (heads / kvHeads));
    return factors[kvHead * headDim + (channel % headDim)]!;
  });
}
