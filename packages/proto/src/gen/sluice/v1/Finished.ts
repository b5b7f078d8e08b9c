// Original file: proto/sluice/v1/worker.proto

import type { FinishReasonInit as _sluice_v1_FinishReasonInit, FinishReason as _sluice_v1_FinishReason } from '../../sluice/v1/FinishReason.js';
import type { ObjectiveOutcomeInit as _sluice_v1_ObjectiveOutcomeInit, ObjectiveOutcome as _sluice_v1_ObjectiveOutcome } from '../../sluice/v1/ObjectiveOutcome.js';

export interface FinishedInit {
  'reason'?: (_sluice_v1_FinishReasonInit);
  /**
   * The stop string met, if that ended it.
   */
  'stopString'?: (string);
  'promptTokens'?: (number);
  'completionTokens'?: (number);
  /**
   * Prompt tokens that were not computed because they were still in the cache.
   */
  'cachedTokens'?: (number);
  /**
   * Whether the objectives were met; unspecified where no token came, and for the first token of another worker.
   */
  'ttft'?: (_sluice_v1_ObjectiveOutcomeInit);
  'tbt'?: (_sluice_v1_ObjectiveOutcomeInit);
}

export interface Finished {
  'reason': (_sluice_v1_FinishReason);
  /**
   * The stop string met, if that ended it.
   */
  'stopString': (string);
  'promptTokens': (number);
  'completionTokens': (number);
  /**
   * Prompt tokens that were not computed because they were still in the cache.
   */
  'cachedTokens': (number);
  /**
   * Whether the objectives were met; unspecified where no token came, and for the first token of another worker.
   */
  'ttft': (_sluice_v1_ObjectiveOutcome);
  'tbt': (_sluice_v1_ObjectiveOutcome);
}
