import { noWork } from '../../../packages/worker/src/engine/cost-model.js';
import type { Scenario } from '../scenario.js';
import { passMs } from '../timed-model.js';
import type { Checker } from './checker.js';

/** The time between two tokens is at most that of one pass of a full budget, whatever prompts come in. */
export const decodeGap: Checker = (history, scenario) => {
  const violations: string[] = [];
  const gapMaxMs = longestPassMs(scenario);
  const lastMs = new Map<string, number>();
  /** When each lost its memory, since its last token; a token of the same moment is of the step before. */
  const preemptedMs = new Map<string, number[]>();
  for (const record of history) {
    if (record.kind === 'decide') {
      for (const id of record.preempted) preemptedMs.set(id, [...(preemptedMs.get(id) ?? []), record.atMs]);
    }
    if (record.kind !== 'events') continue;
    for (const event of record.events) {
      const last = lastMs.get(event.id);
      const preempted = preemptedMs.get(event.id) ?? [];
      const since = preempted.filter((atMs) => atMs >= record.atMs);
      preemptedMs.set(event.id, since);
      const isKept = event.kind !== 'failed' && since.length === preempted.length;
      if (last !== undefined && isKept && record.atMs - last > gapMaxMs) {
        violations.push(
          `${event.id} waited ${record.atMs - last} ms for its next token; a full pass is ${gapMaxMs} ms`,
        );
      }
      if (event.kind === 'token') lastMs.set(event.id, record.atMs);
      else {
        lastMs.delete(event.id);
        preemptedMs.delete(event.id);
      }
    }
  }
  return violations;
};

/**
 * A full budget beside a full batch, or a full batch with drafts, all of it at the end of the context; a clock that jumps
 * makes any pass longer.
 */
function longestPassMs({ cost, limits, options, faults }: Scenario): number {
  const { slotsMax, contextTokens } = limits;
  const prefillTokens = Math.max(0, options.tokenBudget - slotsMax);
  const work = {
    ...noWork,
    decodes: slotsMax,
    decodeContext: slotsMax * contextTokens,
    prefillTokens,
    prefillPairs: options.tokenBudget * contextTokens,
    chunks: Math.max(limits.chunksMax, limits.chunksAbreast ?? 1),
  };
  const rows = slotsMax * limits.decodeTokensMax;
  const drafting = { ...noWork, decodes: rows, decodeContext: rows * contextTokens };
  const slowest = Math.max(1, ...faults.speeds.map(({ factor }) => factor));
  const jumpsMs = faults.jumps.reduce((sum, { ms }) => sum + ms, 0);
  const longestMs = Math.max(passMs(cost, work), passMs(cost, drafting));
  return (1 + cost.jitterRatio) * slowest * longestMs + jumpsMs;
}
