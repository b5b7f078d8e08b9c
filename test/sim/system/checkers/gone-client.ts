import { requestsOf } from '../system-history.js';
import type { SystemChecker } from './system-checker.js';

/** Where a client is gone its worker is told at once, and no other one hears of the request. */
export const goneClient: SystemChecker = (history, scenario) =>
  requestsOf(history, scenario).flatMap(({ request: { id }, records }) => {
    let isLive = false;
    let goneMs: number | undefined;
    for (const record of records) {
      if (record.kind === 'client-gone') goneMs = record.atMs;
      if (record.kind === 'submit' && goneMs !== undefined) return [`${id} was sent to a worker after its client left`];
      if (record.kind === 'submit') isLive = true;
      if (record.kind === 'released' || record.kind === 'detached' || record.kind === 'cancel') {
        if (isLive && goneMs !== undefined && record.atMs > goneMs) {
          return [`${id} stayed with its worker for ${record.atMs - goneMs} ms after its client left`];
        }
        isLive = false;
      }
    }
    return isLive && goneMs !== undefined ? [`${id} was never cancelled, and its client left`] : [];
  });
