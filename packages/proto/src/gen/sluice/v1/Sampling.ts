// Original file: proto/sluice/v1/worker.proto

import type { LogitBiasInit as _sluice_v1_LogitBiasInit, LogitBias as _sluice_v1_LogitBias } from '../../sluice/v1/LogitBias.js';
import type { Long } from '@grpc/proto-loader';

/**
 * proto3 has no defaults of its own worth having: every field is always set by the sender.
 */
export interface SamplingInit {
  /**
   * 0: greedy.
   */
  'temperature'?: (number | string);
  /**
   * Keep the k likeliest tokens; 0: all.
   */
  'topK'?: (number);
  /**
   * Keep the likeliest tokens that together reach this probability, (0, 1].
   */
  'topP'?: (number | string);
  /**
   * Keep tokens at least this likely relative to the likeliest, [0, 1].
   */
  'minP'?: (number | string);
  /**
   * Divides positive and multiplies negative logits of tokens in prompt or output; 1: off.
   */
  'repetitionPenalty'?: (number | string);
  /**
   * Subtracted once from the logit of every token already generated; 0: off.
   */
  'presencePenalty'?: (number | string);
  /**
   * Subtracted per occurrence from the logit of every token already generated; 0: off.
   */
  'frequencyPenalty'?: (number | string);
  /**
   * Same seed and request, same output. Drawn by the gateway where the client gave none.
   */
  'seed'?: (number | string | Long);
  'logitBias'?: (_sluice_v1_LogitBiasInit)[];
}

/**
 * proto3 has no defaults of its own worth having: every field is always set by the sender.
 */
export interface Sampling {
  /**
   * 0: greedy.
   */
  'temperature': (number);
  /**
   * Keep the k likeliest tokens; 0: all.
   */
  'topK': (number);
  /**
   * Keep the likeliest tokens that together reach this probability, (0, 1].
   */
  'topP': (number);
  /**
   * Keep tokens at least this likely relative to the likeliest, [0, 1].
   */
  'minP': (number);
  /**
   * Divides positive and multiplies negative logits of tokens in prompt or output; 1: off.
   */
  'repetitionPenalty': (number);
  /**
   * Subtracted once from the logit of every token already generated; 0: off.
   */
  'presencePenalty': (number);
  /**
   * Subtracted per occurrence from the logit of every token already generated; 0: off.
   */
  'frequencyPenalty': (number);
  /**
   * Same seed and request, same output. Drawn by the gateway where the client gave none.
   */
  'seed': (number);
  'logitBias': (_sluice_v1_LogitBias)[];
}
