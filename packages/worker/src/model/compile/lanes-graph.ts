import type { DecoderConfig } from '../architectures/config.js';
import type { GraphBuilder } from './graph-builder.js';
import { type KvFormat, kvElementType } from './kv-format.js';

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

/** Names of a lane's inputs, as the executor binds them. Layer caches get `.key` and `.value` and the layer. */
export const decodeLane = {
  /** int64 [rows, 1]: the packed token that each lane row reads. */
  sources: 'decode_sources',
  /** int64 [decodes]: the lane rows that hold real tokens, in packed order. */
  kept: 'decode_kept',
  /** int32 [rows]: tokens in the slot before this pass; GroupQueryAttention calls it seqlens_k (total - 1). */
  pasts: 'decode_pasts',
  /** int32 scalar: the longest total length of the lane. */
  longest: 'decode_longest',
  key: (layer: number) => `decode_key_${layer}`,
  value: (layer: number) => `decode_value_${layer}`,
} as const;

export function chunkLane(chunk: number) {
  const name = `chunk${chunk}`;
  return {
    /** int64 [1]: first packed token, and the one behind the last. */
    start: `${name}_start`,
    end: `${name}_end`,
    /** int32 [1]: total length of the slot after the pass, less one. */
    last: `${name}_last`,
    /** int32 scalar: total length of the slot after the pass. */
    total: `${name}_total`,
    key: (layer: number) => `${name}_key_${layer}`,
    value: (layer: number) => `${name}_value_${layer}`,
  } as const;
}

/** Every cache output is named like its input with this behind. */
export const UPDATED = '_updated';

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

  const attention = (
    layer: number,
    packed: string,
    names: { key: (layer: number) => string; value: (layer: number) => string },
    batch: number | string,
    last: string,
    total: string,
  ): string => {
    const shape = [batch, config.kvHeads, 'positions_per_slot', config.headDim];
    const type = kvElementType[kv.mode];
    const key = builder.input(names.key(layer), type, shape);
    const value = builder.input(names.value(layer), type, shape);
    builder.output(key + UPDATED, type, shape);
    builder.output(value + UPDATED, type, shape);
    const lane = names === decodeLane ? 'decode' : 'chunk';
    builder.nodeWithOutputs(
      'GroupQueryAttention',
      [packed, '', '', key, value, last, total, cos, sin, ...kv.inputs(builder, config, layer, lane)],
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
      );
      const parts = [builder.node('Gather', [decoded, kept], `${qkv}.kept`)];
      for (const [chunk, lane] of lanes.entries()) {
        const rows = builder.integers('axis_rows', [0]);
        const chunked = builder.integers('shape_chunk', [1, -1, qkvWidth]);
        const slice = builder.node('Slice', [qkv, lane.start, lane.end, rows], `${qkv}.slice${chunk}`);
        const packed = builder.node('Reshape', [slice, chunked], `${qkv}.chunk${chunk}`);
        parts.push(attention(layer, packed, lane, 1, lane.last, lane.total));
      }
      if (parts.length === 1) return parts[0]!;
      return builder.node('Concat', parts, `${qkv}.attention`, { axis: { int: 0 } });
    },
  };
}
