import { holdersOf } from '../history.js';
import type { Checker } from './checker.js';
import { withPasses } from './under-way.js';

/**
 * A cancelled request is out of the next plan, holds nothing there, gets no token more and ends as cancelled. One that is in
 * a pass beside which the plan is made is out of the first behind that pass.
 */
export const cancel: Checker = (history) => {
  const violations: string[] = [];
  const live = new Set<string>();
  const cancelled = new Set<string>();
  for (const { record, underWay } of withPasses(history)) {
    if (record.kind === 'submit' && record.refusal === undefined) live.add(record.request.id);
    if (record.kind === 'cancel' && live.has(record.id)) cancelled.add(record.id);
    if (record.kind === 'decide') {
      const inPass = new Set(underWay.flatMap(({ decodes, prompts }) => [...decodes, ...prompts]));
      for (const { id } of [...holdersOf(record), ...record.waiting]) {
        if (cancelled.has(id) && !inPass.has(id))
          violations.push(`${id} was cancelled and is still in the queue at the next plan`);
      }
    }
    if (record.kind !== 'events') continue;
    for (const event of record.events) {
      if (!cancelled.has(event.id)) {
        if (event.kind === 'finished' && event.reason === 'cancelled') {
          violations.push(`${event.id} ended as cancelled, and nobody cancelled it`);
        }
      } else if (event.kind === 'token') violations.push(`${event.id} got a token after it was cancelled`);
      else if (event.kind === 'finished' && event.reason !== 'cancelled') {
        violations.push(`${event.id} was cancelled and ended by ${event.reason}`);
      }
      if (event.kind !== 'token') {
        live.delete(event.id);
        cancelled.delete(event.id);
      }
    }
  }
  return violations;
};
