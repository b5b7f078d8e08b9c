import type { SystemRecord } from '../system-history.js';
import type { SystemScenario } from '../system-scenario.js';
import type { SystemChecker } from './system-checker.js';

const MINUTE_MS = 60_000;
/** Requests are counted when they are asked; they reach the store a few milliseconds later. */
const LATE_MS = 2_000;

/**
 * Over all gateways a caller has no more requests served than its limit, which leaks away over a minute; and none is refused
 * for it who has not asked as often. Who comes back for a stream asks again. A store that was flushed begins to count anew,
 * and while it is away every gateway counts for itself, from its start.
 */
export const rateLimits: SystemChecker = (history, scenario) => {
  const { callers = [], requests, afterwards } = scenario;
  const callerOf = new Map([...requests, ...afterwards].map(({ id, caller }) => [id, caller]));
  const counts = countsOf(scenario);
  const lateMs = LATE_MS + Math.max(0, ...scenario.faults.map(({ kind, ms }) => (kind === 'hang-gateway' ? ms : 0)));
  return callers.flatMap(({ name, requestsPerMinute }) => {
    if (requestsPerMinute === undefined) return [];
    const { claimsMs, refused } = claimsOf(
      history.filter((record) => 'id' in record && callerOf.get(record.id) === name),
      requestsPerMinute,
    );
    const violations = refused.map(
      (id) => `${id} of ${name} was refused, which had not asked ${requestsPerMinute} times`,
    );
    for (const [index, firstMs] of claimsMs.entries()) {
      const spanMs = claimsMs.at(-1)! - firstMs + lateMs;
      const served = claimsMs.length - index;
      if (served <= counts * (requestsPerMinute * (1 + spanMs / MINUTE_MS) + 1)) continue;
      const limit = `its limit is ${requestsPerMinute} a minute, counted ${counts} times`;
      violations.push(`${served} requests of ${name} were served in ${spanMs} ms; ${limit}`);
      break;
    }
    return violations;
  });
};

/** When requests of a caller were asked that were served, and those that were refused before it had asked so often. */
function claimsOf(records: readonly SystemRecord[], limit: number) {
  const claimsMs: number[] = [];
  const refused: string[] = [];
  /** When requests were asked that no worker has yet got. A gateway that stalls counts them behind later ones. */
  const open = new Map<string, number>();
  let asked = 0;
  for (const record of records) {
    if (record.kind === 'asked' || record.kind === 'returned') {
      asked += 1;
      open.set(record.id, record.atMs);
    }
    if (record.kind !== 'submit' && record.kind !== 'answered') continue;
    const askedMs = open.get(record.id);
    open.delete(record.id);
    if (askedMs === undefined) continue;
    if (record.kind === 'submit') claimsMs.push(askedMs);
    else if (record.answer.errorCode === 'rate_limited' && asked <= limit) refused.push(record.id);
  }
  return { claimsMs: claimsMs.sort((a, b) => a - b), refused };
}

/** How often the same limit may be counted from nothing. */
function countsOf({ faults, gateways }: SystemScenario): number {
  const countOf = (...kinds: readonly string[]): number => faults.filter(({ kind }) => kinds.includes(kind)).length;
  const alone = countOf('store-outage') === 0 ? 0 : gateways.length + countOf('kill-gateway', 'drain-gateway');
  return 1 + countOf('store-flush') + alone;
}
