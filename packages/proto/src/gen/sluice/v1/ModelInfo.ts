// Original file: proto/sluice/v1/worker.proto

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
}
