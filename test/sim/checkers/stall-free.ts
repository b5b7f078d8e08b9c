import type { Checker } from './checker.js';

/** Who decodes is in every step until it ends or loses its memory. */
export const stallFree: Checker = (history) =>
  history.flatMap((record) => {
    if (record.kind !== 'decide') return [];
    const moved = new Set([...record.decodes, ...record.preempted]);
    return record.running
      .filter(({ id, computed, promptTokens }) => computed >= promptTokens && !moved.has(id))
      .map(({ id }) => `${id} decodes and is left out of a step`);
  });
