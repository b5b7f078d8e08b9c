import type { Checker } from './checker.js';

/** A taken request gets its tokens, then one end, then nothing; a refused one gets nothing at all. */
export const streamOrder: Checker = (history) => {
  const violations: string[] = [];
  /** Tokens so far of each live request. */
  const live = new Map<string, number>();
  for (const record of history) {
    if (record.kind === 'submit' && record.refusal === undefined) {
      if (live.has(record.request.id)) violations.push(`${record.request.id} was taken while it lives`);
      live.set(record.request.id, 0);
    }
    if (record.kind !== 'events') continue;
    if (record.events.length === 0) violations.push('a delivery of no events');
    for (const event of record.events) {
      const tokens = live.get(event.id);
      if (tokens === undefined) violations.push(`${event.kind} for ${event.id}, which does not live`);
      else if (event.kind === 'token') live.set(event.id, tokens + 1);
      else live.delete(event.id);
      if (event.kind === 'finished' && event.completionTokens !== tokens) {
        violations.push(`${event.id} finished with ${event.completionTokens} tokens, ${tokens} were sent`);
      }
    }
  }
  return violations;
};
