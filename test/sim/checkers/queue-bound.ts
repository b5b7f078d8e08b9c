import type { Checker } from './checker.js';

/** No more wait than the bound, and those who lost their memory: at most one a slot. */
export const queueBound: Checker = (history, { options, limits }) =>
  history.flatMap((record) => {
    if (record.kind !== 'decide') return [];
    const most = options.waitingMax + limits.slotsMax;
    return record.waiting.length > most ? [`${record.waiting.length} wait, at most ${most} may`] : [];
  });
