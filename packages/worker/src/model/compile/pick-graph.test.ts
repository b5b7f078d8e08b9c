import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './graph-builder.js';
import type { Kernels } from './kernels.js';
import { CANDIDATES, pickTokens } from './pick-graph.js';
import { WeightTable } from './weight-table.js';

const VOCABULARY = 300;

describe('pickTokens', () => {
  it('picks with one operator of ours, or with several of the runtime', () => {
    const ops = (kernels: Kernels) =>
      graphOf(kernels).nodes.map(({ domain, op }) => (domain === '' ? op : `own ${op}`));
    expect(ops('own')).toEqual(['own Pick']);
    expect(ops('runtime')).toEqual(['ArgMax', 'Cast', 'Size', 'Cast', 'If']);
  });

  it('reads and gives the same, whoever picks', () => {
    const [own, runtime] = [graphOf('own'), graphOf('runtime')];
    expect(own.inputs).toEqual(runtime.inputs);
    expect(own.outputs).toEqual(runtime.outputs);
    expect(own.outputs.map(({ name, type, shape }) => `${name} ${type} [${shape.join(', ')}]`)).toEqual([
      `logits float32 [wanted_rows, ${VOCABULARY}]`,
      'best int32 [wanted_rows]',
      'log_sum_exps float32 [sampled_rows]',
      `candidate_logits float32 [sampled_rows, ${CANDIDATES}]`,
      `candidate_ids int32 [sampled_rows, ${CANDIDATES}]`,
    ]);
  });

  it('asks for no more candidates than there are tokens', () => {
    expect(graphOf('own', 50).nodes[0]?.attributes).toEqual({ candidates: { int: 50 } });
  });
});

function graphOf(kernels: Kernels, vocabularyCount = VOCABULARY) {
  const builder = new GraphBuilder('pick', new WeightTable('none'));
  pickTokens(builder, builder.input('logits', 'float32', ['wanted_rows', vocabularyCount]), vocabularyCount, kernels);
  return builder.graph();
}
