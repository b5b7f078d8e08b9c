import { noWork, type StepWork, withChunk } from '@sluice/worker';
import { describe, expect, it } from 'vitest';
import { linearPassMs, twoCores } from '../simulate/machine.js';
import { largestBudget } from './token-budget.js';

const bounds = { slots: 32, contextTokens: 2048, stepTokensMax: 2080 };
const passMs = (work: StepWork): number => linearPassMs(twoCores, work);

describe('largestBudget', () => {
  it('is the last whose iteration with all slots decoding keeps the objective', () => {
    const objectiveMs = 500;
    const budget = largestBudget(passMs, { ...bounds, objectiveMs });
    const decodes = { ...noWork, decodes: 32, decodeContext: 32 * 1025 };
    const iterationMs = (tokens: number): number => passMs(withChunk(decodes, 1024, tokens - 32));
    expect(iterationMs(budget)).toBeLessThanOrEqual(objectiveMs);
    expect(iterationMs(budget + 16)).toBeGreaterThan(objectiveMs);
  });

  it('leaves prefill something where no budget keeps the objective', () => {
    expect(largestBudget(passMs, { ...bounds, objectiveMs: 1 })).toBe(48);
  });

  it('never goes beyond what a pass can take', () => {
    expect(largestBudget(passMs, { ...bounds, objectiveMs: 1e9 })).toBe(2080);
  });
});
