import { describe, expect, it } from 'vitest';
import { type CapacityTrialsResult, capacityTable, withRatios } from './capacity-table.js';

const result = (
  subject: string,
  capacityPerSecond: number,
  trace: 'chat' | 'arxiv' = 'chat',
): CapacityTrialsResult => ({
  subject,
  kind: 'capacity',
  trace,
  objective: 'strict',
  tbtMs: 300,
  capacityPerSecond,
  beyondPerSecond: 1.1 * capacityPerSecond,
  onlyAbovePerSecond: null,
  tokenBudget: null,
  budgetsTried: [],
  stepErrorRatio: null,
  stepBiasRatio: null,
  steps: 0,
  atCapacity: null,
  simulatedPerSecond: 1,
  simulatedDeviationRatio: null,
  trials: 1,
  sweep: [],
});

describe('withRatios', () => {
  it('sets each policy beside the comparators of the same trace', () => {
    const [slo, , arxiv] = withRatios([result('slo', 3), result('prefill-first', 1.5), result('slo', 3, 'arxiv')]);
    expect(slo).toMatchObject({ ratioToPrefillFirst: 2, ratioToIterationLevel: null });
    expect(arxiv).toMatchObject({ ratioToPrefillFirst: null });
  });

  it('compares with the best setting of llama-server', () => {
    const [slo] = withRatios([result('slo', 3), result('llama-server b64', 1), result('llama-server b128', 1.5)]);
    expect(slo?.ratioToLlamaServer).toBe(2);
  });

  it('gives no ratio to a comparator whose capacity is only a lower bound', () => {
    const [slo] = withRatios([result('slo', 3), { ...result('prefill-first', 1), beyondPerSecond: null }]);
    expect(slo?.ratioToPrefillFirst).toBeNull();
  });

  it('gives no ratio to a comparator that served nothing within the limits', () => {
    const [slo] = withRatios([result('slo', 3), result('iteration-level', 0)]);
    expect(slo?.ratioToIterationLevel).toBeNull();
  });
});

describe('capacityTable', () => {
  it('says where a capacity is only a lower bound', () => {
    expect(capacityTable([{ ...result('slo', 3), beyondPerSecond: null }])).toContain('≥ 3.00');
    expect(capacityTable([result('slo', 3)])).not.toContain('≥');
  });

  it('does not call a setting worthless that was only searched above a better one', () => {
    expect(capacityTable([{ ...result('llama-server b512', 0), onlyAbovePerSecond: 1.25 }])).toContain('≤ 1.25');
    expect(capacityTable([result('llama-server b512', 0)])).not.toContain('≤');
  });
});
