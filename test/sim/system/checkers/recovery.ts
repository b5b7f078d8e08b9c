import { requestsOf } from '../system-history.js';
import type { SystemChecker } from './system-checker.js';

/** Some time after the last fault everything is as before: all workers serve all gateways, and nothing fails. */
export const recovery: SystemChecker = (history, scenario) => {
  const { afterwards, workers, upstreams } = scenario;
  const violations = requestsOf(history, { requests: [], afterwards }).flatMap(({ request: { id }, records }) => {
    const answer = records.flatMap((record) => (record.kind === 'answered' ? [record.answer] : []))[0];
    if (answer?.finishReason !== undefined && answer.errorCode === undefined) return [];
    return [`${id}, asked when all was well again, ended with ${answer?.errorCode ?? answer?.ending ?? 'nothing'}`];
  });
  const served = new Set(
    history.flatMap((record) =>
      record.kind === 'tokens' && record.id.startsWith('a') ? [`${record.gateway}>${record.worker}`] : [],
    ),
  );
  for (const record of history) {
    if (record.kind !== 'rest') continue;
    if (record.workers.length !== workers.length)
      violations.push(`${record.workers.length} workers run of ${workers.length}`);
    for (const { gateway, workers: known } of record.gateways) {
      for (const worker of [...workers, ...upstreams].keys()) {
        const seen = known.find((one) => one.worker === worker);
        if (seen?.isReady !== true) violations.push(`gateway ${gateway} does not use worker ${worker}`);
        else if (seen.circuit !== 'closed' && served.has(`${gateway}>${worker}`)) {
          violations.push(`gateway ${gateway} still has worker ${worker} ${seen.circuit}, which served it`);
        }
      }
    }
  }
  return violations;
};
