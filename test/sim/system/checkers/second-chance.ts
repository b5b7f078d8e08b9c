import { requestsOf } from '../system-history.js';
import { isDeath } from './explained-errors.js';
import type { SystemChecker } from './system-checker.js';

/** How long another worker is waited for at least, milliseconds; less than any gateway's `resumeWaitMs`. */
const WAITED_MS = 900;

/**
 * A request that one worker was lost with is not given up before another has had time to take it. But for a stream that an
 * upstream has begun: its client has text that nobody else can go on behind.
 */
export const secondChance: SystemChecker = (history, scenario) =>
  requestsOf(history, scenario).flatMap(({ request: { id, stream }, records }) => {
    let deaths = 0;
    let deathMs = Number.NEGATIVE_INFINITY;
    let isOfUpstream = false;
    for (const record of records) {
      if (record.kind === 'tokens' && record.worker >= scenario.workers.length) isOfUpstream = stream;
      if (isDeath(record)) {
        deaths += 1;
        deathMs = record.atMs;
      }
      if (record.kind !== 'answered' || record.answer.errorCode !== 'worker_lost') continue;
      const waitedMs = record.atMs - deathMs;
      if (deaths < 2 && !isOfUpstream && waitedMs < WAITED_MS) {
        return [`${id} was given up ${waitedMs} ms after one worker was lost with it`];
      }
    }
    return [];
  });
