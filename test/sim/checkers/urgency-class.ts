import type { SequenceSnapshot } from '../history.js';

/** After so long a request counts as one class higher. */
const AGEING_MS = 10_000;
const classes = ['high', 'normal', 'low'];

/** 0 is the most urgent. */
export function urgencyClass({ priority, arrivalMs }: SequenceSnapshot, nowMs: number): number {
  return Math.max(0, classes.indexOf(priority) - Math.floor((nowMs - arrivalMs) / AGEING_MS));
}
