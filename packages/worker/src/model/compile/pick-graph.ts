import type { GraphBuilder } from './graph-builder.js';
import type { Kernels } from './kernels.js';
import { elementType, type OnnxValue } from './onnx.js';

/** Most candidates of a sampled row; a sampler that needs more reads the row. */
export const CANDIDATES = 128;

const INT32 = { to: { int: elementType.int32 } };
/** TensorProto.BOOL: only ever inside the graph. */
const BOOL = { to: { int: 9 } };

/**
 * What leaves the graph of each wanted row: the row itself (where the head wrote it, at no cost), the likeliest token,
 * and for rows that are sampled the likeliest {@link CANDIDATES} tokens and log-sum-exps at the asked temperatures.
 * A row may be asked for several times, with different temperatures. Nothing asked, nothing computed.
 *
 * @param logits [wanted, vocabulary]
 */
export function pickTokens(builder: GraphBuilder, logits: string, vocabularyCount: number, kernels: Kernels): void {
  const candidates = Math.min(CANDIDATES, vocabularyCount);
  const sampled = builder.input('sampled', 'int64', ['sampled_rows']);
  const temperatures = builder.input('temperatures', 'float32', ['sampled_rows', 1]);
  const best = { name: 'best', type: 'int32', shape: ['wanted_rows'] } as const;
  const ofSampled = [
    { name: 'log_sum_exps', type: 'float32', shape: ['sampled_rows'] },
    { name: 'candidate_logits', type: 'float32', shape: ['sampled_rows', candidates] },
    { name: 'candidate_ids', type: 'int32', shape: ['sampled_rows', candidates] },
  ] as const;
  builder.output(logits, 'float32', ['wanted_rows', vocabularyCount]);
  if (kernels === 'own') {
    const names = [best, ...ofSampled].map(({ name }) => name);
    builder.nodeWithOutputs('Pick', [logits, sampled, temperatures], names, { candidates: { int: candidates } });
  } else {
    const argMax = builder.node('ArgMax', [logits], 'best_64', { axis: { int: -1 }, keepdims: { int: 0 } });
    builder.node('Cast', [argMax], best.name, INT32);
    sample(builder, { logits, sampled, temperatures }, candidates, ofSampled);
  }
  for (const { name, type, shape } of [best, ...ofSampled]) builder.output(name, type, shape);
}

/** In a branch, which keeps TopK from an empty input, which would end the process. */
function sample(
  builder: GraphBuilder,
  { logits, sampled, temperatures }: Readonly<Record<'logits' | 'sampled' | 'temperatures', string>>,
  candidates: number,
  outputs: readonly OnnxValue[],
): void {
  const any = builder.node('Cast', [builder.node('Size', [sampled], 'sampled_count')], 'any_sampled', BOOL);
  const lastAxis = builder.integers('axis_last', [-1]);
  const count = builder.integers('candidate_count', [candidates]);
  const branch = (prefix: string) => outputs.map(({ name, type, shape }) => ({ name: prefix + name, type, shape }));
  const node = (op: string, inputs: string[], outs: string[], attributes = {}) => ({
    op,
    domain: '',
    inputs,
    outputs: outs,
    attributes,
  });
  builder.nodeWithOutputs(
    'If',
    [any],
    outputs.map((output) => output.name),
    {
      then_branch: {
        graph: {
          name: 'sample',
          inputs: [],
          initializers: [],
          outputs: branch('some_'),
          nodes: [
            node('Gather', [logits, sampled], ['sampled_logits']),
            node('Div', ['sampled_logits', temperatures], ['tempered']),
            node('ReduceLogSumExp', ['tempered', lastAxis], ['some_log_sum_exps'], { keepdims: { int: 0 } }),
            node('TopK', ['sampled_logits', count], ['some_candidate_logits', 'some_candidate_ids_64']),
            node('Cast', ['some_candidate_ids_64'], ['some_candidate_ids'], INT32),
          ],
        },
      },
      else_branch: {
        graph: {
          name: 'sample_none',
          inputs: [],
          nodes: [],
          outputs: branch('none_'),
          initializers: [
            { name: 'none_log_sum_exps', type: 'float32', shape: [0], data: new Uint8Array(0) },
            { name: 'none_candidate_logits', type: 'float32', shape: [0, candidates], data: new Uint8Array(0) },
            { name: 'none_candidate_ids', type: 'int32', shape: [0, candidates], data: new Uint8Array(0) },
          ],
        },
      },
    },
  );
}
