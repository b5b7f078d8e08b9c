import { requestsOf } from '../system-history.js';
import type { SystemChecker } from './system-checker.js';

/** Every reply names a quote, and every first token settles one. */
export const quotes: SystemChecker = (history, scenario) => {
  const violations: string[] = [];
  const tokens = new Map<number, number>();
  /** Streams that clients came back for: they may be told without a quote, or quoted again where they were before. */
  const returns = new Map<number, number>();
  for (const { request, records } of requestsOf(history, scenario)) {
    const { id } = request;
    const gateways = new Set(records.flatMap((record) => (record.kind === 'tokens' ? [record.gateway] : [])));
    for (const gateway of gateways) tokens.set(gateway, (tokens.get(gateway) ?? 0) + 1);
    for (const record of records) {
      if (record.kind === 'returned') returns.set(record.gateway, (returns.get(record.gateway) ?? 0) + 1);
    }
    for (const record of records) {
      if (record.kind !== 'answered' || record.answer.status !== 200) continue;
      if (records.some(({ kind }) => kind === 'returned')) continue;
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
      const unsure = returns.get(gateway) ?? 0;
      if (!restarted.has(gateway) && Math.abs(settled - first) > unsure) {
        violations.push(`gateway ${gateway} settled ${settled} quotes of ${first} first tokens`);
      }
    }
  }
  return violations;
};
