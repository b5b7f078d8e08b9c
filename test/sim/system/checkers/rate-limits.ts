import { requestsOf } from '../system-history.js';
import type { SystemChecker } from './system-checker.js';

const MINUTE_MS = 60_000;
/** Requests are counted when they are asked; they reach the store a few milliseconds later. */
const LATE_MS = 2_000;

/**
 * Over all gateways a caller has no more requests served than its limit, which leaks away over a minute; and none is refused
 * for it who has not asked as often. While the store is away every gateway counts for itself, so then nothing is promised.
 */
export const rateLimits: SystemChecker = (history, scenario) => {
  const { callers = [], faults } = scenario;
  if (faults.some(({ kind }) => kind === 'store-outage' || kind === 'store-flush')) return [];
  const violations: string[] = [];
  const requests = requestsOf(history, scenario);
  for (const { name, requestsPerMinute } of callers) {
    if (requestsPerMinute === undefined) continue;
    const served: number[] = [];
    let asked = 0;
    for (const { request, records } of requests) {
      if (request.caller !== name || !records.some(({ kind }) => kind === 'asked')) continue;
      asked += 1;
      if (records.some(({ kind }) => kind === 'submit')) served.push(request.atMs);
      const isLimited = records.some(
        (record) => record.kind === 'answered' && record.answer.errorCode === 'rate_limited',
      );
      if (isLimited && asked <= requestsPerMinute)
        violations.push(`${request.id} was the ${asked}th of ${name}, and refused`);
    }
    for (const [index, firstMs] of served.entries()) {
      const lastMs = served.at(-1)! - firstMs + LATE_MS;
      const count = served.length - index;
      if (count <= requestsPerMinute * (1 + lastMs / MINUTE_MS) + 1) continue;
      violations.push(
        `${count} requests of ${name} were served in ${lastMs} ms; its limit is ${requestsPerMinute} a minute`,
      );
      break;
    }
  }
  return violations;
};
