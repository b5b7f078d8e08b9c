import type { Checker } from './checker.js';

/** What a request is told to have found in the cache is what was not computed for it, and nothing without a cache. */
export const cachedTokens: Checker = (history, { options }) => {
  const violations: string[] = [];
  /** Where the first chunk of each began. */
  const beginnings = new Map<string, number>();
  let planned: readonly string[] = [];
  for (const record of history) {
    if (record.kind === 'submit' && record.refusal === undefined) beginnings.delete(record.request.id);
    if (record.kind === 'decide') planned = record.chunks.map(({ id }) => id);
    if (record.kind === 'pass') {
      for (const [index, { position }] of record.plan.chunks.entries()) {
        const id = planned[index]!;
        if (beginnings.has(id)) continue;
        beginnings.set(id, position);
        if (position > 0 && options.prefixCache === false)
          violations.push(`${id} begins at ${position} without a cache`);
      }
    }
    if (record.kind !== 'events') continue;
    for (const event of record.events) {
      if (event.kind !== 'token' || event.cachedTokens === beginnings.get(event.id)) continue;
      violations.push(
        `${event.id} is told of ${event.cachedTokens} cached tokens and began at ${beginnings.get(event.id)}`,
      );
    }
  }
  return violations;
};
