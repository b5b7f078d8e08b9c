import type { SystemChecker } from './system-checker.js';

/** When all is over no place, queue, count of tokens, slot or timer is held by anybody. */
export const nothingLeft: SystemChecker = (history, { gateways }) => {
  const violations: string[] = [];
  const expectNone = (owner: string, counts: Readonly<Record<string, number>>): void => {
    const held = Object.entries(counts).filter(([, count]) => count !== 0);
    if (held.length > 0)
      violations.push(`${owner} holds ${held.map(([name, count]) => `${name} ${count}`).join(', ')}`);
  };
  for (const record of history) {
    if (record.kind === 'closed') expectNone(`${record.process}, closed,`, { timers: record.timers });
    if (record.kind !== 'rest') continue;
    for (const { gateway, workers, requests, bodyBytes, queued, queuedTokens } of record.gateways) {
      expectNone(`gateway ${gateway}`, { requests, bodyBytes, queued, queuedTokens });
      for (const { worker, inFlight, unreportedRequests, unreportedTokens } of workers) {
        expectNone(`gateway ${gateway} of worker ${worker}`, { inFlight, unreportedRequests, unreportedTokens });
      }
    }
    for (const { upstream, requests } of record.upstreams) expectNone(`upstream ${upstream}`, { requests });
    for (const { worker, streams, ...held } of record.workers) {
      const { running, waiting, prefillTokensWaiting, swapBytesUsed, liveRequests } = held;
      expectNone(`worker ${worker}`, { running, waiting, prefillTokensWaiting, swapBytesUsed, liveRequests });
      if (streams > gateways.length)
        violations.push(`worker ${worker} has ${streams} streams of ${gateways.length} gateways`);
    }
  }
  return violations;
};
