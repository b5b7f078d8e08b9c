// Original file: proto/sluice/v1/worker.proto

import type { TokenLogprobInit as _sluice_v1_TokenLogprobInit, TokenLogprob as _sluice_v1_TokenLogprob } from '../../sluice/v1/TokenLogprob.js';

/**
 * What was computed of the prompt itself.
 */
export interface PromptReportInit {
  /**
   * Of all its tokens, before the first generated one; the first has no log-probability of its own (0) and nothing beside
   * it. May come in parts.
   */
  'logprobs'?: (_sluice_v1_TokenLogprobInit)[];
  /**
   * With a pooling, in the last event.
   */
  'embedding'?: (number | string)[];
}

/**
 * What was computed of the prompt itself.
 */
export interface PromptReport {
  /**
   * Of all its tokens, before the first generated one; the first has no log-probability of its own (0) and nothing beside
   * it. May come in parts.
   */
  'logprobs': (_sluice_v1_TokenLogprob)[];
  /**
   * With a pooling, in the last event.
   */
  'embedding': (number)[];
}
