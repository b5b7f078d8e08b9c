import type { Checker } from './checker.js';

/** Prompts get what the decodes left of the budget, in no more chunks than the model has lanes. */
export const stepBudget: Checker = (history, { options, limits }) =>
  history.flatMap((record) => {
    if (record.kind !== 'pass') return [];
    const { decodes, chunks } = record.plan;
    const prefill = chunks.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
    const left = Math.max(0, options.tokenBudget - decodes.length);
    return [
      ...(prefill > left ? [`${prefill} prompt tokens beside ${decodes.length} decodes, ${left} were left`] : []),
      ...(chunks.length > limits.chunksMax ? [`${chunks.length} chunks of ${limits.chunksMax}`] : []),
    ];
  });
