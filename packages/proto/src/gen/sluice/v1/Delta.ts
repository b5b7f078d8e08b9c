// Original file: proto/sluice/v1/worker.proto

import type { GenerateEventInit as _sluice_v1_GenerateEventInit, GenerateEvent as _sluice_v1_GenerateEvent } from '../../sluice/v1/GenerateEvent.js';

/**
 * What one request gained in a step.
 */
export interface DeltaInit {
  'id'?: (number);
  'event'?: (_sluice_v1_GenerateEventInit | null);
}

/**
 * What one request gained in a step.
 */
export interface Delta {
  'id': (number);
  'event': (_sluice_v1_GenerateEvent | null);
}
