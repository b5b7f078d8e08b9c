import type { Checker } from './checker.js';
import { urgencyClass } from './urgency-class.js';

/**
 * First come first served inside a class: nobody begins before one who came earlier and is as urgent, and memory is taken
 * from the youngest of the least urgent.
 */
export const admissionOrder: Checker = (history) => {
  const violations: string[] = [];
  /** Taken and not begun, by arrival. */
  let queue: string[] = [];
  for (const record of history) {
    if (record.kind === 'submit' && record.refusal === undefined) queue.push(record.request.id);
    if (record.kind !== 'decide') continue;
    const present = new Map([...record.running, ...record.waiting].map((one) => [one.id, one]));
    queue = queue.filter((id) => present.has(id));
    const classOf = (id: string): number => urgencyClass(present.get(id)!, record.atMs);
    const begun = record.chunks.map(({ id }) => id).filter((id) => queue.includes(id));
    const left = queue.filter((id) => !begun.includes(id));
    for (const id of begun) {
      const before = left.find((other) => queue.indexOf(other) < queue.indexOf(id) && classOf(other) <= classOf(id));
      if (before !== undefined) violations.push(`${id} begins while ${before}, which came before it, waits`);
    }
    queue = left;
    const byUrgency = record.running.map(({ id }) => id).sort((a, b) => classOf(a) - classOf(b));
    const last = byUrgency.slice(byUrgency.length - record.preempted.length);
    if (record.preempted.length > 0 && record.preempted.join() !== last.join()) {
      violations.push(`${record.preempted.join()} lost their memory, and ${last.join()} should have`);
    }
  }
  return violations;
};
