// Original file: proto/sluice/v1/worker.proto

import type { FillInInit as _sluice_v1_FillInInit, FillIn as _sluice_v1_FillIn } from '../../sluice/v1/FillIn.js';
import type { Long } from '@grpc/proto-loader';

export interface ModelInfoInit {
  /**
   * As clients name it.
   */
  'name'?: (string);
  'architecture'?: (string);
  /**
   * Most tokens of prompt and output together.
   */
  'contextTokens'?: (number);
  'vocabularyCount'?: (number);
  'hasChatTemplate'?: (boolean);
  'endTokenIds'?: (number)[];
  /**
   * Seconds since 1970 when the worker started to serve it.
   */
  'createdSeconds'?: (number | string | Long);
  'weights'?: (string);
  /**
   * How the model writes calls of tools: hermes, llama3, mistral or json; empty: it has no chat template.
   */
  'toolFormat'?: (string);
  /**
   * Length of an embedding.
   */
  'embeddingLength'?: (number);
  /**
   * Tokens between which a model that fills in the middle expects prefix and suffix; all 0: it does not.
   */
  'fillIn'?: (_sluice_v1_FillInInit | null);
  /**
   * Whose operators compute it: own or runtime.
   */
  'kernels'?: (string);
  /**
   * How it keeps keys and values: f32, f16 or q8.
   */
  'kv'?: (string);
}

export interface ModelInfo {
  /**
   * As clients name it.
   */
  'name': (string);
  'architecture': (string);
  /**
   * Most tokens of prompt and output together.
   */
  'contextTokens': (number);
  'vocabularyCount': (number);
  'hasChatTemplate': (boolean);
  'endTokenIds': (number)[];
  /**
   * Seconds since 1970 when the worker started to serve it.
   */
  'createdSeconds': (number);
  'weights': (string);
  /**
   * How the model writes calls of tools: hermes, llama3, mistral or json; empty: it has no chat template.
   */
  'toolFormat': (string);
  /**
   * Length of an embedding.
   */
  'embeddingLength': (number);
  /**
   * Tokens between which a model that fills in the middle expects prefix and suffix; all 0: it does not.
   */
  'fillIn': (_sluice_v1_FillIn | null);
  /**
   * Whose operators compute it: own or runtime.
   */
  'kernels': (string);
  /**
   * How it keeps keys and values: f32, f16 or q8.
   */
  'kv': (string);
}
