import type { SystemFault } from '../system-faults.js';
import { requestsOf, type SystemRecord } from '../system-history.js';
import type { SystemChecker } from './system-checker.js';

const ofLoad = ['queue_full', 'deadline_exceeded'];
/** Of those who come back for a stream whose gateway had no time to write it down, or whose store forgot it. */
const ofReturns = ['not_found', 'stream_gone', 'journal_unavailable', 'stream_taken'];
const ofFaults = [...ofLoad, 'no_worker', 'draining', 'worker_lost', 'engine_failed'];

/** An error is one that something explains: load, or a fault; of a lost worker, one that was lost with this request. */
export const explainedErrors: SystemChecker = (history, scenario) => {
  const faults = history.flatMap((record): SystemFault[] => (record.kind === 'fault' ? [record.fault] : []));
  return requestsOf(history, scenario).flatMap(({ request: { id }, records }) => {
    const answer = records.flatMap((record) => (record.kind === 'answered' ? [record.answer] : []))[0];
    const code = answer?.errorCode;
    if (code === undefined) return [];
    const hasReturned = records.some(({ kind }) => kind === 'returned');
    const isExplained =
      (faults.length === 0 ? ofLoad : ofFaults).includes(code) ||
      (hasReturned && ofReturns.includes(code)) ||
      (scenario.callers !== undefined && code === 'rate_limited');
    if (!isExplained) return [`${id} ended with ${code}, and nothing explains it`];
    const needsDeath = code === 'worker_lost' || code === 'engine_failed';
    return needsDeath && !records.some(isDeath) ? [`${id} ended with ${code}, and no worker was lost with it`] : [];
  });
};

/** A worker was lost with this request, or failed it. */
export function isDeath(record: SystemRecord): boolean {
  if (record.kind === 'released') return record.how === 'engine_failed' || record.how === 'worker_lost';
  return record.kind === 'detached' && record.isDeath;
}
