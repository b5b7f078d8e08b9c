// Original file: proto/sluice/v1/worker.proto

import type { ModelInfoInit as _sluice_v1_ModelInfoInit, ModelInfo as _sluice_v1_ModelInfo } from '../../sluice/v1/ModelInfo.js';
import type { LoadInit as _sluice_v1_LoadInit, Load as _sluice_v1_Load } from '../../sluice/v1/Load.js';

export interface WelcomeInit {
  /**
   * New at each start of the worker process.
   */
  'epoch'?: (string);
  'model'?: (_sluice_v1_ModelInfoInit | null);
  'load'?: (_sluice_v1_LoadInit | null);
  'framesUnacknowledgedMax'?: (number);
}

export interface Welcome {
  /**
   * New at each start of the worker process.
   */
  'epoch': (string);
  'model': (_sluice_v1_ModelInfo | null);
  'load': (_sluice_v1_Load | null);
  'framesUnacknowledgedMax': (number);
}
