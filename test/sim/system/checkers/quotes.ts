import { requestsOf } from '../system-history.js';
import type { SystemChecker } from './system-checker.js';

/** Every reply names a quote, and every first token settles one. */
export const quotes: SystemChecker = (history, scenario) => {
  const violations: string[] = [];
  const tokens = new Map<number, number>();
  for (const { request, records } of requestsOf(history, scenario)) {
    const { id, gateway } = request;
    if (records.some(({ kind }) => kind === 'tokens')) tokens.set(gateway, (tokens.get(gateway) ?? 0) + 1);
    for (const record of records) {
      if (record.kind !== 'answered' || record.answer.status !== 200) continue;
      if (!(record.answer.quoteMs !== undefined && record.answer.quoteMs > 0)) violations.push(`${id} got no quote`);
    }
  }
  const restarted = new Set(
    scenario.faults.flatMap((fault) =>
      fault.kind === 'kill-gateway' || fault.kind === 'drain-gateway' ? [fault.gateway] : [],
    ),
  );
  for (const record of history) {
    if (record.kind !== 'rest') continue;
    for (const { gateway, quotes: settled } of record.gateways) {
      const first = tokens.get(gateway) ?? 0;
      if (!restarted.has(gateway) && settled !== first) {
        violations.push(`gateway ${gateway} settled ${settled} quotes of ${first} first tokens`);
      }
    }
  }
  return violations;
};
