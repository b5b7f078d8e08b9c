export interface BudgetRange {
  /** Rows that decode beside a prompt. */
  readonly slots: number;
  /** What a pass can take. */
  readonly tokensMax: number;
  /** The budget of Sarathi-Serve's own rule, tried too. */
  readonly byRule: number;
}

/** What prompts get of a step in which every slot decodes; the first grows by these factors, rounded to blocks. */
const PREFILL_TOKENS = [16, 32, 64, 96, 160, 256, 384, 608, 992, 1_584];
const GRAIN_TOKENS = 16;

/**
 * The budgets of the highest capacities, best first, of those from the least that keeps prefill going to a whole pass.
 * Of two as good as each other the smaller one.
 */
export async function bestBudgets(
  { slots, tokensMax, byRule }: BudgetRange,
  count: number,
  capacityOf: (tokenBudget: number) => Promise<number>,
): Promise<readonly number[]> {
  const wanted = [...PREFILL_TOKENS.map((tokens) => slots + tokens), byRule, tokensMax];
  const budgets = [...new Set(wanted.filter((tokens) => tokens <= tokensMax && tokens >= slots + GRAIN_TOKENS))];
  const rated: { readonly tokenBudget: number; readonly perSecond: number }[] = [];
  for (const tokenBudget of budgets) rated.push({ tokenBudget, perSecond: await capacityOf(tokenBudget) });
  rated.sort((a, b) => b.perSecond - a.perSecond || a.tokenBudget - b.tokenBudget);
  return rated.slice(0, count).map(({ tokenBudget }) => tokenBudget);
}
