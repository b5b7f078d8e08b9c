import type { Checker } from './checker.js';

/** Prompts get what the decodes left of the budget, in no more chunks than the model takes. */
export const stepBudget: Checker = (history, { options, limits }) => {
  const chunksMax = Math.max(limits.chunksMax, limits.chunksAbreast ?? 1);
  return history.flatMap((record) => {
    if (record.kind !== 'pass') return [];
    const { decodes, chunks } = record.plan;
    const prefill = chunks.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
    const left = Math.max(0, options.tokenBudget - decodes.length);
    return [
      ...(prefill > left ? [`${prefill} prompt tokens beside ${decodes.length} decodes, ${left} were left`] : []),
      ...(chunks.length > chunksMax ? [`${chunks.length} chunks of ${chunksMax}`] : []),
    ];
  });
};
