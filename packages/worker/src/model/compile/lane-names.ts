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

/** Names of a lane's cache inputs. */
export type LaneNames = Pick<typeof decodeLane, 'key' | 'value'>;
