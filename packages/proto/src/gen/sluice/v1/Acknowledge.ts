// Original file: proto/sluice/v1/worker.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Every frame up to this number has been read. A worker holds at most Welcome.frames_unacknowledged_max frames that
 * were not acknowledged; beyond it, it merges, and beyond its buffer bound it ends the stream.
 */
export interface AcknowledgeInit {
  'frame'?: (number | string | Long);
}

/**
 * Every frame up to this number has been read. A worker holds at most Welcome.frames_unacknowledged_max frames that
 * were not acknowledged; beyond it, it merges, and beyond its buffer bound it ends the stream.
 */
export interface Acknowledge {
  'frame': (number);
}
