import type { Checker } from './checker.js';
import { withPasses } from './under-way.js';

/** While executors are free, whoever is taken is planned with at once, also beside passes under way. */
export const newsAtOnce: Checker = (history) => {
  const violations: string[] = [];
  let executors = 1;
  /** Taken while an executor was free, and not planned with yet. */
  let taken: { readonly id: string; readonly atMs: number } | undefined;
  for (const { record, underWay } of withPasses(history)) {
    if (taken !== undefined && record.atMs > taken.atMs) violations.push(`${taken.id} came, and nobody planned anew`);
    if (record.kind === 'decide' || record.atMs > (taken?.atMs ?? record.atMs)) taken = undefined;
    if (record.kind === 'decide') executors = record.beside?.executors ?? 1;
    if (record.kind !== 'submit' || record.refusal !== undefined) continue;
    const free = underWay.reduce((sum, pass) => sum - (pass.executors ?? sum), executors);
    if (free > 0) taken = { id: record.request.id, atMs: record.atMs };
  }
  return violations;
};
