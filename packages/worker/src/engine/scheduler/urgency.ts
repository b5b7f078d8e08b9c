import type { Priority } from '../sequence.js';
import type { SequenceView } from './policy.js';

/** How long a sequence is in the system before it counts as one class higher. */
export const AGEING_MS = 10_000;

const classes: Readonly<Record<Priority, number>> = { high: 0, normal: 1, low: 2 };

/**
 * 0 is the most urgent. A sequence rises with its age and stays what it is at the top, so that whoever came before it
 * is before it for good: nothing starves, whatever comes after.
 */
export function urgencyClass({ priority, arrivalMs }: SequenceView, nowMs: number): number {
  return Math.max(0, classes[priority] - Math.floor((nowMs - arrivalMs) / AGEING_MS));
}

/** By class, and inside a class in the order given. */
export function byUrgency<S extends SequenceView>(sequences: readonly S[], nowMs: number): S[] {
  return sequences.toSorted((a, b) => urgencyClass(a, nowMs) - urgencyClass(b, nowMs));
}
