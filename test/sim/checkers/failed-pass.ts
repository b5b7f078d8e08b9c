import type { Checker } from './checker.js';

/** A pass that fails ends each sequence of its plan with `engine_failed`, and nobody else. */
export const failedPass: Checker = (history) => {
  const violations: string[] = [];
  let planned: readonly string[] = [];
  const failing = new Set<string>();
  for (const record of history) {
    if (record.kind === 'decide') planned = [...record.decodes, ...record.chunks.map(({ id }) => id)];
    if (record.kind === 'pass' && record.fails) for (const id of planned) failing.add(id);
    if (record.kind !== 'events') continue;
    for (const event of record.events) {
      if (event.kind === 'failed') {
        if (!failing.delete(event.id)) violations.push(`${event.id} failed and was in no pass that failed`);
        if (event.error.code !== 'engine_failed') violations.push(`${event.id} failed with ${event.error.code}`);
      } else if (event.kind === 'finished' && failing.has(event.id)) {
        violations.push(`${event.id} was in a pass that failed and finished by ${event.reason}`);
      }
    }
  }
  for (const id of failing) violations.push(`${id} was in a pass that failed and was never told`);
  return violations;
};
