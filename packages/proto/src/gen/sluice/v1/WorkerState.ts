// Original file: proto/sluice/v1/worker.proto

export const WorkerState = {
  WORKER_STATE_UNSPECIFIED: 'WORKER_STATE_UNSPECIFIED',
  WORKER_STATE_READY: 'WORKER_STATE_READY',
  WORKER_STATE_DRAINING: 'WORKER_STATE_DRAINING',
} as const;

export type WorkerStateInit =
  | 'WORKER_STATE_UNSPECIFIED'
  | 0
  | 'WORKER_STATE_READY'
  | 1
  | 'WORKER_STATE_DRAINING'
  | 2

export type WorkerState = typeof WorkerState[keyof typeof WorkerState]
