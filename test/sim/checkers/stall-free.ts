import type { History } from '../history.js';
import type { Checker } from './checker.js';

/**
 * Who decodes is in every step until it ends or loses its memory. Where passes run side by side, a step is one with
 * decodes: in front of it prompts may begin on executors of their own, without time going by.
 */
export const stallFree: Checker = (history) =>
  history.flatMap((record, index) => {
    if (record.kind !== 'decide') return [];
    const moved = new Set([...record.decodes, ...record.preempted]);
    const left = record.running.filter(({ id, computed, promptTokens }) => computed >= promptTokens && !moved.has(id));
    const isInFront = record.executors !== undefined && record.decodes.length === 0 && record.chunks.length > 0;
    if (isInFront && isFollowed(history, index)) return [];
    return left.map(({ id }) => `${id} decodes and is left out of a step`);
  });

/** By another plan, at the same moment. */
function isFollowed(history: History, index: number): boolean {
  const next = history.slice(index + 1, index + 4).find(({ kind }) => kind === 'decide');
  return next?.atMs === history[index]!.atMs;
}
