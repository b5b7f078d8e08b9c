import type { Checker } from './checker.js';

/** Each slot is free or held by one running sequence, at every moment at which a plan is made. */
export const slotConservation: Checker = (history, { limits }) =>
  history.flatMap((record) => {
    if (record.kind !== 'decide') return [];
    const held = record.running.map(({ slot }) => slot);
    const violations: string[] = [];
    if (held.includes(undefined)) violations.push('a running sequence has no slot');
    if (new Set(held).size !== held.length) violations.push(`two running sequences share a slot: ${held.join()}`);
    if (held.length + record.slotsFree !== limits.slotsMax) {
      violations.push(`${held.length} slots held and ${record.slotsFree} free of ${limits.slotsMax}`);
    }
    if (record.waiting.some(({ slot }) => slot !== undefined)) violations.push('a waiting sequence holds a slot');
    return violations;
  });
