import type { Checker } from './checker.js';
import { withPasses } from './under-way.js';

/** What passes cost on so many executors is learnt from passes on so many, and from no others. */
export const costsApart: Checker = (history) => {
  const violations: string[] = [];
  let before: readonly number[] = [];
  /** Widths of the passes that ended since then; undefined: all executors. */
  let ended = new Set<number | undefined>();
  for (const { record, underWay } of withPasses(history)) {
    if (record.kind === 'pass-end') ended.add(underWay.find(({ pass }) => pass === record.pass)?.executors);
    if (record.kind !== 'decide' || record.beside === undefined) continue;
    const { executors, costsMs } = record.beside;
    for (const [index, ms] of costsMs.entries()) {
      const width = index + 1 === executors ? undefined : index + 1;
      if (before.length === 0 || ms === before[index] || ended.has(width)) continue;
      violations.push(`at ${record.atMs} steps on ${index + 1} executors cost ${ms} ms, and ${before[index]} before`);
    }
    before = costsMs;
    ended = new Set();
  }
  return violations;
};
