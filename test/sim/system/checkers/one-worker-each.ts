import { requestsOf } from '../system-history.js';
import type { SystemChecker } from './system-checker.js';

/** A request is with one worker at a time. */
export const oneWorkerEach: SystemChecker = (history, scenario) =>
  requestsOf(history, scenario).flatMap(({ request: { id }, records }) => {
    let isLive = false;
    for (const { kind } of records) {
      // What its gateway had sent is gone with it, or is cancelled when it hears of this.
      if (kind === 'returned') isLive = false;
      if (kind === 'submit' && isLive) return [`${id} went to a second worker while one had it`];
      if (kind === 'submit') isLive = true;
      if (kind === 'released' || kind === 'cancel' || kind === 'detached') isLive = false;
    }
    return [];
  });
