import { noWork, type StepWork, withChunk, withDecode } from '@sluice/worker';

export interface BudgetBounds {
  readonly slots: number;
  readonly contextTokens: number;
  readonly stepTokensMax: number;
  /** Between two tokens. */
  readonly objectiveMs: number;
}

/** Budgets are multiples of it, like the blocks of keys and values. */
const GRAIN_TOKENS = 16;

/**
 * The fixed token budget that Sarathi-Serve's own rule gives a machine (section 4.3: the largest whose iteration meets
 * the objective): here an iteration in which every slot decodes in mid-context and a prompt's slice there takes the rest.
 * At least what keeps prefill going when all slots decode.
 */
export function largestBudget(passMs: (work: StepWork) => number, bounds: BudgetBounds): number {
  const { slots, contextTokens, stepTokensMax, objectiveMs } = bounds;
  const middle = contextTokens >> 1;
  let decodes = noWork;
  for (let row = 0; row < slots; row++) decodes = withDecode(decodes, middle);
  let budget = slots + GRAIN_TOKENS;
  while (budget + GRAIN_TOKENS <= stepTokensMax) {
    if (passMs(withChunk(decodes, middle, budget + GRAIN_TOKENS - slots)) > objectiveMs) break;
    budget += GRAIN_TOKENS;
  }
  return budget;
}
