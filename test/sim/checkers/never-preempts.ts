import type { Checker } from './checker.js';

/** Who reserves all that a sequence may need when it is let in never takes memory back. */
export const neverPreempts: Checker = (history) =>
  history.flatMap((record) =>
    record.kind === 'decide' && record.preempted.length > 0 ? [`${record.preempted.join()} lost their memory`] : [],
  );
