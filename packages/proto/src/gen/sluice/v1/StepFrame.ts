// Original file: proto/sluice/v1/worker.proto

import type { DeltaInit as _sluice_v1_DeltaInit, Delta as _sluice_v1_Delta } from '../../sluice/v1/Delta.js';
import type { LoadInit as _sluice_v1_LoadInit, Load as _sluice_v1_Load } from '../../sluice/v1/Load.js';
import type { Long } from '@grpc/proto-loader';

export interface StepFrameInit {
  /**
   * From 1 up, without a gap.
   */
  'frame'?: (number | string | Long);
  'deltas'?: (_sluice_v1_DeltaInit)[];
  /**
   * In every frame with which a request is accepted or ends, and every 100 ms or so between; absent: about what it was.
   */
  'load'?: (_sluice_v1_LoadInit | null);
}

export interface StepFrame {
  /**
   * From 1 up, without a gap.
   */
  'frame': (number);
  'deltas': (_sluice_v1_Delta)[];
  /**
   * In every frame with which a request is accepted or ends, and every 100 ms or so between; absent: about what it was.
   */
  'load': (_sluice_v1_Load | null);
}
