import type { Checker } from './checker.js';

/** Who lost its memory stands before all who have not begun, so that nobody is pushed back for ever. */
export const preemptedFirst: Checker = (history) => {
  const violations: string[] = [];
  const begun = new Set<string>();
  for (const record of history) {
    if (record.kind === 'submit' && record.refusal === undefined) begun.delete(record.request.id);
    if (record.kind !== 'decide') continue;
    const firstNew = record.waiting.findIndex(({ id }) => !begun.has(id));
    const behind = firstNew < 0 ? undefined : record.waiting.slice(firstNew).find(({ id }) => begun.has(id));
    if (behind !== undefined) violations.push(`${behind.id} lost its memory and waits behind a newcomer`);
    for (const { id } of record.chunks) begun.add(id);
  }
  return violations;
};
