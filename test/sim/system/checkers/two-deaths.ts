import { requestsOf } from '../system-history.js';
import { isDeath } from './explained-errors.js';
import type { SystemChecker } from './system-checker.js';

/** Workers that are lost so soon after each other may have been one misfortune, milliseconds. */
const MOMENT_MS = 500;

/**
 * A request that two workers were lost with goes to no third one; but one death is not counted that came so soon after
 * another that the worker had said nothing of it.
 */
export const twoDeaths: SystemChecker = (history, scenario) =>
  requestsOf(history, scenario).flatMap(({ request: { id }, records }) => {
    let deaths = 0;
    let deathMs = Number.NEGATIVE_INFINITY;
    let isExcused = false;
    let hasTokens = false;
    for (const record of records) {
      if (record.kind === 'returned') deaths = 0;
      if (record.kind === 'submit' && deaths >= 2)
        return [`${id} was sent to a worker after ${deaths} were lost with it`];
      if (record.kind === 'submit') hasTokens = false;
      if (record.kind === 'tokens') hasTokens = true;
      if (!isDeath(record)) continue;
      const isInnocent = record.kind === 'detached' && !hasTokens && !isExcused && record.atMs - deathMs < MOMENT_MS;
      if (isInnocent) isExcused = true;
      else deaths += 1;
      deathMs = record.atMs;
    }
    return [];
  });
