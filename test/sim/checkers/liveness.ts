import type { Checker } from './checker.js';

/** The run comes to its end, the loop throws nowhere, and whoever was taken has ended by then. */
export const liveness: Checker = (history) => {
  const violations: string[] = [];
  const live = new Set<string>();
  for (const record of history) {
    if (record.kind === 'broken' && record.part !== 'model') violations.push(`${record.part}: ${record.message}`);
    if (record.kind === 'submit' && record.refusal === undefined) live.add(record.request.id);
    if (record.kind !== 'events') continue;
    for (const event of record.events) if (event.kind !== 'token') live.delete(event.id);
  }
  for (const id of live) violations.push(`${id} never ended`);
  return violations;
};
