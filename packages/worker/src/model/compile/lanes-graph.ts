import type { DecoderConfig } from '../architectures/config.js';
import type { GraphBuilder } from './graph-builder.js';
import type { KvFormat } from './kv-format.js';
import { kvLayout } from './kv-layout.js';
import { chunkLane, decodeLane, KEPT, type LaneNames, UPDATED } from './lane-names.js';
import type { PackedAttention } from './packed-attention.js';
import { quantizedChunk } from './quantized-chunk.js';
import { multiplied } from './rows.js';

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
 * Where a sequence decodes several tokens in a pass, each goes through a lane of its own, one behind the other over the
 * same slots: a lane's cache is what the lane in front of it gives out, so that the runtime cannot change their order.
 * Thus each token's kernel is that of a token alone, and so are its bits; one sequence of many would round otherwise.
 *
 * Slots are inputs and outputs bound to the same memory: keys and values are written in place.
 */
export function attentionLanes(
  builder: GraphBuilder,
  config: DecoderConfig,
  { chunks, decodeTokens }: LaneCounts,
  kv: KvFormat,
): PackedAttention {
  const qkvWidth = (config.heads + 2 * config.kvHeads) * config.headDim;
  const width = config.heads * config.headDim;
  const decodeLanes = Array.from({ length: decodeTokens }, (_, token) => {
    const names = decodeLane(token);
    builder.input(names.sources, 'int64', ['lane_rows', 1]);
    builder.input(names.pasts, 'int32', ['lane_rows']);
    builder.input(names.longest, 'int32', []);
    return names;
  });
  const kept = builder.input(KEPT, 'int64', ['decodes']);
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

  /** @param before the lane whose updated cache this one reads; undefined: one that is bound as an input. */
  const cache = (
    layer: number,
    names: LaneNames,
    batch: number | string,
    before?: LaneNames,
  ): readonly [key: string, value: string] => {
    const shape = [batch, config.kvHeads, 'positions_per_slot', config.headDim];
    const { type } = kvLayout(kv.mode, 'runtime', config);
    for (const name of [names.key(layer), names.value(layer)]) {
      if (before === undefined) builder.input(name, type, shape);
      builder.output(name + UPDATED, type, shape);
    }
    if (before === undefined) return [names.key(layer), names.value(layer)];
    return [before.key(layer) + UPDATED, before.value(layer) + UPDATED];
  };

  const attention = (
    layer: number,
    packed: string,
    names: LaneNames,
    batch: number | string,
    last: string,
    total: string,
    more: readonly string[] = [],
    before?: LaneNames,
  ): string => {
    const [key, value] = cache(layer, names, batch, before);
    builder.nodeWithOutputs(
      'GroupQueryAttention',
      [packed, '', '', key, value, last, total, cos, sin, ...more],
      [`${packed}.attended`, names.key(layer) + UPDATED, names.value(layer) + UPDATED],
      {
        num_heads: { int: config.heads },
        kv_num_heads: { int: config.kvHeads },
        do_rotary: { int: 1 },
        rotary_interleaved: { int: config.rope.interleaved ? 1 : 0 },
        ...kv.attributes,
        ...(config.slidingWindowTokens === undefined ? {} : { local_window_size: { int: config.slidingWindowTokens } }),
      },
    );
    return `${packed}.attended`;
  };

  const flattened = (attended: string): string => builder.node('Reshape', [attended, flat], `${attended}.flat`);

  return {
    attend(layer, rows) {
      const qkv = multiplied(builder, rows);
      kv.observe(builder, layer, qkv);
      const scales = kv.decodeInputs(builder, config, layer);
      const decoded = decodeLanes.map((lane, token) => {
        const rows = builder.node('Gather', [qkv, lane.sources], `${qkv}.decode${token}`);
        return attention(layer, rows, lane, 'lane_rows', lane.pasts, lane.longest, scales, decodeLanes[token - 1]);
      });
      const all =
        decoded.length === 1 ? decoded[0]! : builder.node('Concat', decoded, `${qkv}.decoded`, { axis: { int: 0 } });
      const parts = [builder.node('Gather', [flattened(all), kept], `${qkv}.kept`)];
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
        parts.push(flattened(attention(layer, packed, lane, 1, lane.last, lane.total)));
      }
      if (parts.length === 1) return parts[0]!;
      return builder.node('Concat', parts, `${qkv}.attention`, { axis: { int: 0 } });
    },
  };
}

/** What a graph has room for. */
export interface LaneCounts {
  /** Prefill lanes: exactly so many chunks. */
  readonly chunks: number;
  /** Decode lanes: the most tokens of a sequence that one pass decodes; at least 1. */
  readonly decodeTokens: number;
}
