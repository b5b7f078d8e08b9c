import { hidesWaiting, holdersOf } from '../history.js';
import type { Checker } from './checker.js';

/** What the engine says of its load is the sum over its sequences, at every plan and at the end. */
export const loadReport: Checker = (history, { limits, options }) => {
  const violations: string[] = [];
  const kvTokensMax = Math.floor(options.kvTokensMax / 16) * 16;
  let passes = 0;
  for (const record of history) {
    if (record.kind === 'pass-end') passes += 1;
    if (record.kind !== 'decide' && record.kind !== 'end') continue;
    if (record.load === undefined) continue;
    if (record.kind === 'decide' && hidesWaiting(record)) continue;
    const running = record.kind === 'decide' ? holdersOf(record) : [];
    const waiting = record.kind === 'decide' ? record.waiting : [];
    const truth = {
      running: running.length,
      waiting: waiting.length,
      prefillTokensWaiting: [...running, ...waiting].reduce(
        (sum, { promptTokens, computed }) => sum + Math.max(0, promptTokens - computed),
        0,
      ),
      kvTokensUsed: running.reduce((sum, { blocks }) => sum + blocks * 16, 0),
      kvTokensMax,
      slotsMax: limits.slotsMax,
      steps: passes,
    };
    for (const [field, value] of Object.entries(truth)) {
      const said = record.load[field as keyof typeof truth];
      if (said !== value) violations.push(`load says ${field} ${said}, it is ${value}`);
    }
  }
  return violations;
};
