import { describe, expect, it } from 'vitest';
import { type CapacityTrialsResult, withRatios } from './capacity-table.js';

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
  beyondPerSecond: null,
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

  it('gives no ratio to a comparator that served nothing within the limits', () => {
    const [slo] = withRatios([result('slo', 3), result('iteration-level', 0)]);
    expect(slo?.ratioToIterationLevel).toBeNull();
  });
});
