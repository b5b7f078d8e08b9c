import { holdersOf } from '../history.js';
import type { Checker } from './checker.js';

/** The ledger is the sum of what sequences hold, each holds what it has computed, and nobody holds while waiting. */
export const blockConservation: Checker = (history, { options }) => {
  const blocksMax = Math.floor(options.kvTokensMax / 16);
  return history.flatMap((record) => {
    if (record.kind !== 'decide') return [];
    const holders = holdersOf(record);
    const held = holders.reduce((sum, { blocks }) => sum + blocks, 0);
    const violations: string[] = [];
    if (held + record.blocksFree !== blocksMax) {
      violations.push(`${held} blocks held and ${record.blocksFree} free of ${blocksMax}`);
    }
    for (const { id, computed, blocks } of holders) {
      if (blocks * 16 < computed) violations.push(`${id} has ${computed} tokens in ${blocks} blocks`);
    }
    for (const { id, blocks, computed, promptTokens, copiedTokens } of record.waiting) {
      if (blocks !== 0) violations.push(`${id} waits and holds ${blocks} blocks`);
      if (copiedTokens !== undefined) continue;
      // What it would find in the prefix cache: nothing short, and never the whole prompt.
      if (computed !== 0 && (computed < 16 || computed > promptTokens - 2)) {
        violations.push(`${id} waits and would find ${computed} of ${promptTokens} tokens`);
      }
    }
    return violations;
  });
};
