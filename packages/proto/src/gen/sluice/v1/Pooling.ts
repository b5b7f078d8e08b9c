// Original file: proto/sluice/v1/worker.proto

export const Pooling = {
  POOLING_UNSPECIFIED: 'POOLING_UNSPECIFIED',
  /**
   * Of all tokens of the prompt, and of its last one; both of length 1.
   */
  POOLING_MEAN: 'POOLING_MEAN',
  POOLING_LAST: 'POOLING_LAST',
} as const;

export type PoolingInit =
  | 'POOLING_UNSPECIFIED'
  | 0
  /**
   * Of all tokens of the prompt, and of its last one; both of length 1.
   */
  | 'POOLING_MEAN'
  | 1
  | 'POOLING_LAST'
  | 2

export type Pooling = typeof Pooling[keyof typeof Pooling]
