import type { DecoderConfig } from '../architectures/config.js';
import type { GraphBuilder } from './graph-builder.js';
import { type KvFormat, kvElementType } from './kv-format.js';
import { chunkLane, decodeLane, type LaneNames, UPDATED } from './lane-names.js';
import { quantizedChunk } from './quantized-chunk.js';

/**
 * Attention of a hybrid batch. Linear layers see all tokens of a pass packed; attention sees them in lanes, because
 * GroupQueryAttention on CPU takes many sequences of one token, or one sequence of many:
 *
 *   packed [tokens, qkv]  ──Gather──▶ decode lane  [rows, 1, qkv]     rows = neighbouring slots, each its own past
 *                         ──Slice───▶ prefill lane [1, chunk, qkv]    one slot
 *   outputs ──Gather, Concat──▶ packed [tokens, heads * headDim]
 *
 * Lane rows whose slot decodes nothing in this pass are idle: they borrow the values of token 0, write at the position
 * behind their slot's content, and their output is not gathered. So no linear layer ever computes an idle row, and the
 * lane of a pass without decodes is one idle row (an empty one would divide by zero inside the kernel).
 *
 * Slots are inputs and outputs bound to the same memory: keys and values are written in place.
 */
export interface AttentionLanes {
  /** @param qkv [tokens, (heads + 2 * kvHeads) * headDim]; returns [tokens, heads * headDim]. */
  attend(layer: number, qkv: string): string;
}

export function attentionLanes(
  builder: GraphBuilder,
  config: DecoderConfig,
  chunks: number,
  kv: KvFormat,
): AttentionLanes {
  const qkvWidth = (config.heads + 2 * config.kvHeads) * config.headDim;
  const width = config.heads * config.headDim;
  const sources = builder.input(decodeLane.sources, 'int64', ['lane_rows', 1]);
  const kept = builder.input(decodeLane.kept, 'int64', ['decodes']);
  const pasts = builder.input(decodeLane.pasts, 'int32', ['lane_rows']);
  const longest = builder.input(decodeLane.longest, 'int32', []);
  const lanes = Array.from({ length: chunks }, (_, chunk) => {
    const names = chunkLane(chunk);
    builder.input(names.start, 'int64', [1]);
    builder.input(names.end, 'int64', [1]);
    builder.input(names.last, 'int32', [1]);
    builder.input(names.total, 'int32', []);
    return names;
  });
  const cos = builder.input('cos', 'float32', ['positions', config.headDim / 2]);
  const sin = builder.input('sin', 'float32', ['positions', config.headDim / 2]);
  const flat = builder.integers('shape_flat', [-1, width]);
  const quantizedChunks = kv.mode === 'q8' ? lanes.map((lane) => quantizedChunk(builder, config, kv, lane)) : [];

  const cache = (layer: number, names: LaneNames, batch: number | string): readonly [key: string, value: string] => {
    const shape = [batch, config.kvHeads, 'positions_per_slot', config.headDim];
    const type = kvElementType[kv.mode];
    const [key, value] = [names.key(layer), names.value(layer)];
    for (const name of [key, value]) {
      builder.input(name, type, shape);
      builder.output(name + UPDATED, type, shape);
    }
    return [key, value];
  };

  const attention = (
    layer: number,
    packed: string,
    names: LaneNames,
    batch: number | string,
    last: string,
    total: string,
    more: readonly string[] = [],
  ): string => {
    const [key, value] = cache(layer, names, batch);
    builder.nodeWithOutputs(
      'GroupQueryAttention',
      [packed, '', '', key, value, last, total, cos, sin, ...more],
      [`${packed}.attended`, key + UPDATED, value + UPDATED],
      {
        num_heads: { int: config.heads },
        kv_num_heads: { int: config.kvHeads },
        do_rotary: { int: 1 },
        rotary_interleaved: { int: config.rope.interleaved ? 1 : 0 },
        ...kv.attributes,
        ...(config.slidingWindowTokens === undefined ? {} : { local_window_size: { int: config.slidingWindowTokens } }),
      },
    );
    return builder.node('Reshape', [`${packed}.attended`, flat], `${packed}.flat`);
  };

  return {
    attend(layer, qkv) {
      kv.observe(builder, layer, qkv);
      const decoded = attention(
        layer,
        builder.node('Gather', [qkv, sources], `${qkv}.decode`),
        decodeLane,
        'lane_rows',
        pasts,
        longest,
        kv.decodeInputs(builder, config, layer),
      );
      const parts = [builder.node('Gather', [decoded, kept], `${qkv}.kept`)];
      for (const [chunk, lane] of lanes.entries()) {
        const rows = builder.integers('axis_rows', [0]);
        const slice = builder.node('Slice', [qkv, lane.start, lane.end, rows], `${qkv}.slice${chunk}`);
        if (kv.mode === 'q8') {
          cache(layer, lane, 1);
          parts.push(quantizedChunks[chunk]!(layer, slice));
          continue;
        }
        const chunked = builder.integers('shape_chunk', [1, -1, qkvWidth]);
        const packed = builder.node('Reshape', [slice, chunked], `${qkv}.chunk${chunk}`);
        parts.push(attention(layer, packed, lane, 1, lane.last, lane.total));
      }
      if (parts.length === 1) return parts[0]!;
      return builder.node('Concat', parts, `${qkv}.attention`, { axis: { int: 0 } });
    },
  };
}
