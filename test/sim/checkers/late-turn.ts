import type { SequenceSnapshot } from '../history.js';
import { beginningsOf } from './beginnings.js';
import type { Checker } from './checker.js';

/** One in so many of those let in has missed its objective, while there are such. */
const LATE_SHARE = 8;
const HIGHEST_AFTER_MS = { high: 0, normal: 10_000, low: 20_000 };

/**
 * Nobody who has missed its objective waits for ever: once it has risen to the highest class, at most seven later ones
 * begin before it for each that is before it, itself included, and those of one step. Whoever begins counts when its slice
 * is computed: as many as there are executors may have begun meanwhile.
 */
export const lateTurn: Checker = (history, { limits, executors }) => {
  const violations: string[] = [];
  /** Of each that is late for good: later ones that may still begin before it. */
  const passesLeft = new Map<string, number>();
  for (const { atMs, begun, left } of beginningsOf(history)) {
    for (const one of left) {
      if (!passesLeft.has(one.id) && isLate(one, atMs)) {
        const ahead = left.filter(({ arrivalMs }) => arrivalMs <= one.arrivalMs).length;
        passesLeft.set(
          one.id,
          LATE_SHARE * ahead + Math.max(limits.chunksMax, limits.chunksAbreast ?? 1) + executors - 1,
        );
      }
      const passed = begun.filter(({ arrivalMs }) => arrivalMs > one.arrivalMs).length;
      const rest = (passesLeft.get(one.id) ?? Number.POSITIVE_INFINITY) - passed;
      if (rest < 0) violations.push(`${one.id} is late and more than its share of others begin before it`);
      if (rest < Number.POSITIVE_INFINITY) passesLeft.set(one.id, rest);
    }
    for (const { id } of begun) passesLeft.delete(id);
  }
  return violations;
};

function isLate({ priority, arrivalMs, objectives }: SequenceSnapshot, nowMs: number): boolean {
  return nowMs - arrivalMs > Math.max(objectives.ttftMs, HIGHEST_AFTER_MS[priority]);
}
