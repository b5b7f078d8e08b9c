import { beginningsOf } from './beginnings.js';
import type { Checker } from './checker.js';
import { urgencyClass } from './urgency-class.js';

/**
 * Inside a client nobody begins while one of a higher class waits, and age raises the class: so however many of a higher
 * class come, one of a lower class begins after them for twenty seconds at most.
 */
export const ageing: Checker = (history) =>
  beginningsOf(history).flatMap(({ atMs, begun, left }) =>
    begun.flatMap((one) => {
      const before = left.find(
        (other) => other.client === one.client && urgencyClass(other, atMs) < urgencyClass(one, atMs),
      );
      return before === undefined ? [] : [`${one.id} begins while ${before.id} of a higher class waits`];
    }),
  );
