import {
  errorToStatus,
  type FailedInit,
  type FinishReason,
  type LoadInit,
  type ObjectiveOutcome,
  type Priority as PriorityMessage,
} from '@sluice/proto';
import type { LoadState, ServingError } from '@sluice/shared';
import type { EngineFinishReason, Priority } from '../engine/sequence.js';

// Our types as messages of the wire.

export const finishReasons: Readonly<Record<EngineFinishReason, FinishReason>> = {
  stop: 'FINISH_REASON_STOP',
  length: 'FINISH_REASON_LENGTH',
  cancelled: 'FINISH_REASON_CANCELLED',
};

/** Classes that this worker does not know yet are as good as none. */
export function priorityOf(message: PriorityMessage): Priority {
  if (message === 'PRIORITY_HIGH') return 'high';
  return message === 'PRIORITY_LOW' ? 'low' : 'normal';
}

export function objectiveOutcome(isMet: boolean): ObjectiveOutcome {
  return isMet ? 'OBJECTIVE_OUTCOME_MET' : 'OBJECTIVE_OUTCOME_MISSED';
}

export function failedMessage(error: ServingError): FailedInit {
  return { code: error.code, message: error.message, field: error.field ?? '' };
}

export function loadMessage(load: LoadState): LoadInit {
  return { ...load, state: load.state === 'ready' ? 'WORKER_STATE_READY' : 'WORKER_STATE_DRAINING' };
}

/** The status of a call that ends with this error. */
export function statusOf(error: ServingError): ReturnType<typeof errorToStatus> {
  const { code, message, field, row } = error;
  return errorToStatus({ code, message, field, grpcStatus: row.grpcStatus });
}
