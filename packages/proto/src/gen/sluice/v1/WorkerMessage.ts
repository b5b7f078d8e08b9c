// Original file: proto/sluice/v1/worker.proto

import type { WelcomeInit as _sluice_v1_WelcomeInit, Welcome as _sluice_v1_Welcome } from '../../sluice/v1/Welcome.js';
import type { StepFrameInit as _sluice_v1_StepFrameInit, StepFrame as _sluice_v1_StepFrame } from '../../sluice/v1/StepFrame.js';

export interface WorkerMessageInit {
  'welcome'?: (_sluice_v1_WelcomeInit | null);
  'frame'?: (_sluice_v1_StepFrameInit | null);
  'message'?: "welcome"|"frame";
}

export interface WorkerMessage {
  'welcome'?: (_sluice_v1_Welcome | null);
  'frame'?: (_sluice_v1_StepFrame | null);
  'message'?: "welcome"|"frame";
}
