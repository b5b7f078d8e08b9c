// Original file: proto/sluice/v1/worker.proto

import type { PriorityInit as _sluice_v1_PriorityInit, Priority as _sluice_v1_Priority } from '../../sluice/v1/Priority.js';

/**
 * How urgent a request is, and for whom.
 */
export interface ServiceTermsInit {
  /**
   * A class comes before a lower one; a request rises with its age, so that none waits for ever.
   */
  'priority'?: (_sluice_v1_PriorityInit);
  /**
   * Objectives, 1 to 3,600,000 ms; 0: the worker's own. They order and size the work and are never a reason to refuse:
   * one that cannot be met is missed.
   * From the prompt's arrival in the queue to the first token.
   */
  'ttftMs'?: (number);
  /**
   * Between two tokens; met when at most one gap in a hundred is longer.
   */
  'tbtMs'?: (number);
  /**
   * Whose share of the worker it takes, where shares are kept; at most 256 characters. Empty: nobody in particular.
   */
  'client'?: (string);
}

/**
 * How urgent a request is, and for whom.
 */
export interface ServiceTerms {
  /**
   * A class comes before a lower one; a request rises with its age, so that none waits for ever.
   */
  'priority': (_sluice_v1_Priority);
  /**
   * Objectives, 1 to 3,600,000 ms; 0: the worker's own. They order and size the work and are never a reason to refuse:
   * one that cannot be met is missed.
   * From the prompt's arrival in the queue to the first token.
   */
  'ttftMs': (number);
  /**
   * Between two tokens; met when at most one gap in a hundred is longer.
   */
  'tbtMs': (number);
  /**
   * Whose share of the worker it takes, where shares are kept; at most 256 characters. Empty: nobody in particular.
   */
  'client': (string);
}
