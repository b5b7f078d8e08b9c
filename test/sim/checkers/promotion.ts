import { beginningsOf } from './beginnings.js';
import type { Checker } from './checker.js';
import { urgencyClass } from './urgency-class.js';

/** Who did not run for so long stands on the highest level again. */
const PROMOTE_MS = 3_000;

/** Who has waited for three seconds is overtaken by nobody who came later, but by a higher class. */
export const promotion: Checker = (history) =>
  beginningsOf(history).flatMap(({ atMs, begun, left }) =>
    begun.flatMap((one) => {
      const before = left.find(
        (other) =>
          atMs - other.arrivalMs >= PROMOTE_MS &&
          other.arrivalMs < one.arrivalMs &&
          urgencyClass(other, atMs) <= urgencyClass(one, atMs),
      );
      return before === undefined ? [] : [`${one.id} overtakes ${before.id}, which has waited for three seconds`];
    }),
  );
