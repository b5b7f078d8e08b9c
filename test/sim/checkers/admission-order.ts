import type { Checker } from './checker.js';

/** First come first served: nobody begins before one who came earlier, and memory is taken from the youngest. */
export const admissionOrder: Checker = (history) => {
  const violations: string[] = [];
  /** Taken and not begun, by arrival. */
  let queue: string[] = [];
  for (const record of history) {
    if (record.kind === 'submit' && record.refusal === undefined) queue.push(record.request.id);
    if (record.kind === 'events') {
      const ended = new Set(record.events.filter(({ kind }) => kind !== 'token').map(({ id }) => id));
      queue = queue.filter((id) => !ended.has(id));
    }
    if (record.kind !== 'decide') continue;
    const present = new Set([...record.running, ...record.waiting].map(({ id }) => id));
    queue = queue.filter((id) => present.has(id));
    for (const { id } of record.chunks) {
      const place = queue.indexOf(id);
      if (place > 0) violations.push(`${id} begins while ${queue[0]}, which came before it, waits`);
      if (place >= 0) queue.splice(place, 1);
    }
    const youngest = record.running.slice(record.running.length - record.preempted.length).map(({ id }) => id);
    if (record.preempted.join() !== youngest.join()) {
      violations.push(`${record.preempted.join()} lost their memory, and ${youngest.join()} are the youngest`);
    }
  }
  return violations;
};
