// Original file: proto/sluice/v1/worker.proto

import type { AcceptedInit as _sluice_v1_AcceptedInit, Accepted as _sluice_v1_Accepted } from '../../sluice/v1/Accepted.js';
import type { TokenLogprobInit as _sluice_v1_TokenLogprobInit, TokenLogprob as _sluice_v1_TokenLogprob } from '../../sluice/v1/TokenLogprob.js';
import type { FinishedInit as _sluice_v1_FinishedInit, Finished as _sluice_v1_Finished } from '../../sluice/v1/Finished.js';
import type { FailedInit as _sluice_v1_FailedInit, Failed as _sluice_v1_Failed } from '../../sluice/v1/Failed.js';
import type { PromptReportInit as _sluice_v1_PromptReportInit, PromptReport as _sluice_v1_PromptReport } from '../../sluice/v1/PromptReport.js';

export interface GenerateEventInit {
  /**
   * Set once, in the first event: the request has been accepted.
   */
  'accepted'?: (_sluice_v1_AcceptedInit | null);
  /**
   * Ids of the tokens gained, and the text they complete. Text lags ids where a character or a possible stop string
   * is not complete.
   */
  'tokenIds'?: (number)[];
  'text'?: (string);
  'logprobs'?: (_sluice_v1_TokenLogprobInit)[];
  'finished'?: (_sluice_v1_FinishedInit | null);
  'failed'?: (_sluice_v1_FailedInit | null);
  /**
   * Where the request asked for it.
   */
  'promptReport'?: (_sluice_v1_PromptReportInit | null);
  /**
   * Set once, in the last event.
   */
  'end'?: "finished"|"failed";
}

export interface GenerateEvent {
  /**
   * Set once, in the first event: the request has been accepted.
   */
  'accepted': (_sluice_v1_Accepted | null);
  /**
   * Ids of the tokens gained, and the text they complete. Text lags ids where a character or a possible stop string
   * is not complete.
   */
  'tokenIds': (number)[];
  'text': (string);
  'logprobs': (_sluice_v1_TokenLogprob)[];
  'finished'?: (_sluice_v1_Finished | null);
  'failed'?: (_sluice_v1_Failed | null);
  /**
   * Where the request asked for it.
   */
  'promptReport': (_sluice_v1_PromptReport | null);
  /**
   * Set once, in the last event.
   */
  'end'?: "finished"|"failed";
}
