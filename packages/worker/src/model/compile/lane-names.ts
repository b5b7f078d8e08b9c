/**
 * Names of the inputs of the lane that computes each sequence's token `token` of a pass, from 0, as the executor binds
 * them. Only the first lane's cache is an input; the others read what the one in front of them gives out.
 */
export function decodeLane(token: number) {
  const name = `decode${token}`;
  return {
    /** int64 [rows, 1]: the packed token that each lane row reads. */
    sources: `${name}_sources`,
    /** int32 [rows]: tokens in the slot before this one; GroupQueryAttention calls it seqlens_k (total - 1). */
    pasts: `${name}_pasts`,
    /** int32 scalar: the longest total length of the lane. */
    longest: `${name}_longest`,
    key: (layer: number) => `${name}_key_${layer}`,
    value: (layer: number) => `${name}_value_${layer}`,
  } as const;
}

/** int64 [decode tokens]: which rows of all decode lanes, one lane behind the other, hold real tokens, in packed order. */
export const KEPT = 'decode_kept';

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

/** int32 [tokens] each, of a graph without lanes: which slot a packed token is of, and its position in it. */
export const SLOTS = 'slots';
export const POSITIONS = 'positions';

/** The whole cache of a layer, of a graph without lanes; written in place, so it is an input alone. */
export const arenaNames = {
  key: (layer: number) => `key_${layer}`,
  value: (layer: number) => `value_${layer}`,
} as const;

/** int64 [kept]: packed tokens that anything is wanted of. Of the others the last layer computes keys and values alone. */
export const KEPT_TOKENS = 'kept_tokens';

/** float32 [kept, hidden]: what the last norm gives of the kept tokens, in the coordinates of the graph's basis. */
export const HIDDEN = 'hidden';

/** The head as a layer with weights of its own. */
export const HEAD = 'head';

/** Every cache output is named like its input with this behind. */
export const UPDATED = '_updated';

/** Names of the inputs that are a cache. */
export type LaneNames = Pick<ReturnType<typeof decodeLane>, 'key' | 'value'>;
