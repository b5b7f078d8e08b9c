// Original file: proto/sluice/v1/worker.proto

export const FinishReason = {
  FINISH_REASON_UNSPECIFIED: 'FINISH_REASON_UNSPECIFIED',
  /**
   * An end token, a stop token or a stop string.
   */
  FINISH_REASON_STOP: 'FINISH_REASON_STOP',
  /**
   * tokens_max reached, or the context is full.
   */
  FINISH_REASON_LENGTH: 'FINISH_REASON_LENGTH',
  FINISH_REASON_CANCELLED: 'FINISH_REASON_CANCELLED',
  /**
   * Only gateways end a request so: what comes is not fit to be passed on.
   */
  FINISH_REASON_CONTENT_FILTER: 'FINISH_REASON_CONTENT_FILTER',
} as const;

export type FinishReasonInit =
  | 'FINISH_REASON_UNSPECIFIED'
  | 0
  /**
   * An end token, a stop token or a stop string.
   */
  | 'FINISH_REASON_STOP'
  | 1
  /**
   * tokens_max reached, or the context is full.
   */
  | 'FINISH_REASON_LENGTH'
  | 2
  | 'FINISH_REASON_CANCELLED'
  | 3
  /**
   * Only gateways end a request so: what comes is not fit to be passed on.
   */
  | 'FINISH_REASON_CONTENT_FILTER'
  | 4

export type FinishReason = typeof FinishReason[keyof typeof FinishReason]
