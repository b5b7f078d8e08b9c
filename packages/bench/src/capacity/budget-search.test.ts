import { describe, expect, it } from 'vitest';
import { bestBudgets } from './budget-search.js';

const range = { slots: 32, tokensMax: 2080, byRule: 208 };

describe('bestBudgets', () => {
  it('finds the budgets of the highest capacities, best first', async () => {
    const near = (best: number) => async (budget: number) => 1 / (1 + Math.abs(budget - best));
    expect(await bestBudgets(range, 2, near(120))).toEqual([128, 96]);
    expect(await bestBudgets(range, 1, near(205))).toEqual([208]);
    expect(await bestBudgets(range, 1, near(5_000))).toEqual([2080]);
  });

  it('tries none that a full batch of decodes would use up, or that a pass could not take', async () => {
    const tried: number[] = [];
    await bestBudgets({ slots: 32, tokensMax: 300, byRule: 40 }, 2, async (budget) => tried.push(budget));
    expect(Math.min(...tried)).toBe(48);
    expect(Math.max(...tried)).toBe(300);
    expect(new Set(tried).size).toBe(tried.length);
  });
});
