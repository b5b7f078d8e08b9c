import { beginningsOf } from './beginnings.js';
import type { Checker } from './checker.js';
import { urgencyClass } from './urgency-class.js';

/**
 * Time spent waiting is taken off a job's length: a job is overtaken only by those that came at most its own length after
 * it, unless they are of a higher class.
 */
export const shortestFirst: Checker = (history) =>
  beginningsOf(history).flatMap(({ atMs, begun, left }) =>
    begun.flatMap((one) => {
      const before = left.find(
        (other) =>
          urgencyClass(other, atMs) <= urgencyClass(one, atMs) && one.arrivalMs - other.arrivalMs > other.jobMsMax,
      );
      return before === undefined
        ? []
        : [`${one.id} overtakes ${before.id}, a job of ${before.jobMsMax} ms that came long before it`];
    }),
  );
