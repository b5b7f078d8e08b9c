// Original file: proto/sluice/v1/worker.proto

export const ObjectiveOutcome = {
  OBJECTIVE_OUTCOME_UNSPECIFIED: 'OBJECTIVE_OUTCOME_UNSPECIFIED',
  OBJECTIVE_OUTCOME_MET: 'OBJECTIVE_OUTCOME_MET',
  OBJECTIVE_OUTCOME_MISSED: 'OBJECTIVE_OUTCOME_MISSED',
} as const;

export type ObjectiveOutcomeInit =
  | 'OBJECTIVE_OUTCOME_UNSPECIFIED'
  | 0
  | 'OBJECTIVE_OUTCOME_MET'
  | 1
  | 'OBJECTIVE_OUTCOME_MISSED'
  | 2

export type ObjectiveOutcome = typeof ObjectiveOutcome[keyof typeof ObjectiveOutcome]
