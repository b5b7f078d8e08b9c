import type { ModelLimits } from '../../../packages/worker/src/engine/model-port.js';
import { spanOf } from '../../../packages/worker/src/engine/step-plan.js';
import { holdersOf } from '../history.js';
import type { Checker } from './checker.js';
import { type PassUnderWay, withPasses } from './under-way.js';

/**
 * Each slot is free or held by one running sequence, at every moment at which a plan is made; those that a pass beside may
 * write into are nobody's to have until it ends, and all others are.
 */
export const slotConservation: Checker = (history, { limits }) =>
  [...withPasses(history)].flatMap(({ record, underWay }) => {
    if (record.kind !== 'decide') return [];
    const held = holdersOf(record).map(({ slot }) => slot);
    const fenced = spannedBy(underWay, limits).filter((slot) => !held.includes(slot)).length;
    const violations: string[] = [];
    if (held.includes(undefined)) violations.push('a running sequence has no slot');
    if (new Set(held).size !== held.length) violations.push(`two running sequences share a slot: ${held.join()}`);
    if (held.length + record.slotsFree + fenced !== limits.slotsMax) {
      violations.push(
        `${held.length} slots held and ${record.slotsFree} free and ${fenced} fenced of ${limits.slotsMax}`,
      );
    }
    if (record.waiting.some(({ slot }) => slot !== undefined)) violations.push('a waiting sequence holds a slot');
    return violations;
  });

/** Slots from the lowest to the highest that decode in a pass now, where passes write into those between. */
function spannedBy(underWay: readonly PassUnderWay[], limits: ModelLimits): number[] {
  return underWay.flatMap(({ plan }) => {
    const span = spanOf(plan, limits);
    return span === undefined
      ? []
      : Array.from({ length: span.last - span.first + 1 }, (_, index) => span.first + index);
  });
}
