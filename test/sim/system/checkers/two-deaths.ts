import { requestsOf } from '../system-history.js';
import { isDeath } from './explained-errors.js';
import type { SystemChecker } from './system-checker.js';

/** A request that two workers were lost with goes to no third one. */
export const twoDeaths: SystemChecker = (history, scenario) =>
  requestsOf(history, scenario).flatMap(({ request: { id }, records }) => {
    let deaths = 0;
    for (const record of records) {
      if (record.kind === 'submit' && deaths >= 2)
        return [`${id} was sent to a worker after ${deaths} were lost with it`];
      if (isDeath(record)) deaths += 1;
    }
    return [];
  });
