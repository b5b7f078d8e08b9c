import type { SystemChecker } from './system-checker.js';

/** What a worker was told to stop is in none of its plans any more, so its slot is free within a step. */
export const cancelledSlots: SystemChecker = (history) =>
  history.flatMap((record) =>
    record.kind === 'planned-late'
      ? [`worker ${record.worker} plans ${record.planned} sequences, and ${record.wanted} are wanted of it`]
      : [],
  );
