import type { History, SequenceSnapshot } from '../history.js';

/** A step in which somebody begins. */
export interface Beginning {
  readonly atMs: number;
  /** Get their first slice, as they waited, in the order of the plan. */
  readonly begun: readonly SequenceSnapshot[];
  /** Wait and have not begun, nor do they now. */
  readonly left: readonly SequenceSnapshot[];
}

/** Who begins when, and who is left waiting then. A sequence begins once, however often it loses its memory. */
export function beginningsOf(history: History): readonly Beginning[] {
  const beginnings: Beginning[] = [];
  const begunIds = new Set<string>();
  for (const record of history) {
    if (record.kind === 'submit' && record.refusal === undefined) begunIds.delete(record.request.id);
    if (record.kind !== 'decide') continue;
    const fresh = record.waiting.filter(({ id }) => !begunIds.has(id));
    const byId = new Map(fresh.map((one) => [one.id, one]));
    const begun = record.chunks.flatMap(({ id }) => byId.get(id) ?? []);
    for (const { id } of begun) begunIds.add(id);
    const left = fresh.filter(({ id }) => !begunIds.has(id));
    if (begun.length > 0) beginnings.push({ atMs: record.atMs, begun, left });
  }
  return beginnings;
}
