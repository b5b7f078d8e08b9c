// Original file: proto/sluice/v1/worker.proto

import type { WorkerStateInit as _sluice_v1_WorkerStateInit, WorkerState as _sluice_v1_WorkerState } from '../../sluice/v1/WorkerState.js';
import type { Long } from '@grpc/proto-loader';

export interface LoadInit {
  'state'?: (_sluice_v1_WorkerStateInit);
  /**
   * Sequences that hold a slot.
   */
  'running'?: (number);
  /**
   * Sequences that wait for one.
   */
  'waiting'?: (number);
  /**
   * Prompt tokens not yet computed, of running and waiting sequences.
   */
  'prefillTokensWaiting'?: (number);
  'kvTokensUsed'?: (number);
  'kvTokensMax'?: (number);
  'slotsMax'?: (number);
  /**
   * Measured lately; 0 until there is a measurement.
   */
  'prefillTokensPerSecond'?: (number | string);
  'decodeTokensPerSecond'?: (number | string);
  /**
   * The last step, plan to commit.
   */
  'stepMs'?: (number | string);
  'steps'?: (number | string | Long);
  /**
   * Median of |actual - predicted| / actual time of the last 200 forward passes; 0 until there is one.
   */
  'stepErrorRatio'?: (number | string);
  /**
   * Sequences that lost their slot since the worker started: copied out, and to be computed again.
   */
  'preemptionsCopied'?: (number | string | Long);
  'preemptionsRecomputed'?: (number | string | Long);
  /**
   * Bytes of keys and values that are copied out at the moment.
   */
  'swapBytesUsed'?: (number | string | Long);
  /**
   * Milliseconds between two forward passes, of the last 200: the median, and what one in a hundred exceeds.
   */
  'hostGapP50Ms'?: (number | string);
  'hostGapP99Ms'?: (number | string);
  /**
   * Tokens that were guessed since the worker started, and those of them that were right.
   */
  'tokensDrafted'?: (number | string | Long);
  'tokensAccepted'?: (number | string | Long);
}

export interface Load {
  'state': (_sluice_v1_WorkerState);
  /**
   * Sequences that hold a slot.
   */
  'running': (number);
  /**
   * Sequences that wait for one.
   */
  'waiting': (number);
  /**
   * Prompt tokens not yet computed, of running and waiting sequences.
   */
  'prefillTokensWaiting': (number);
  'kvTokensUsed': (number);
  'kvTokensMax': (number);
  'slotsMax': (number);
  /**
   * Measured lately; 0 until there is a measurement.
   */
  'prefillTokensPerSecond': (number);
  'decodeTokensPerSecond': (number);
  /**
   * The last step, plan to commit.
   */
  'stepMs': (number);
  'steps': (number);
  /**
   * Median of |actual - predicted| / actual time of the last 200 forward passes; 0 until there is one.
   */
  'stepErrorRatio': (number);
  /**
   * Sequences that lost their slot since the worker started: copied out, and to be computed again.
   */
  'preemptionsCopied': (number);
  'preemptionsRecomputed': (number);
  /**
   * Bytes of keys and values that are copied out at the moment.
   */
  'swapBytesUsed': (number);
  /**
   * Milliseconds between two forward passes, of the last 200: the median, and what one in a hundred exceeds.
   */
  'hostGapP50Ms': (number);
  'hostGapP99Ms': (number);
  /**
   * Tokens that were guessed since the worker started, and those of them that were right.
   */
  'tokensDrafted': (number);
  'tokensAccepted': (number);
}
