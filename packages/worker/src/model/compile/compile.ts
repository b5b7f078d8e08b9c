import { architectureOf } from '../architectures/architecture.js';
import type { DecoderConfig } from '../architectures/config.js';
import type { GgufFile } from '../gguf/gguf-file.js';
import type { Calibration } from './calibration.js';
import { GraphBuilder } from './graph-builder.js';
import { basisOf } from './hidden-basis.js';
import { type Kernels, OWN_CHUNKS_MAX } from './kernels.js';
import { KvFormat, type KvMode } from './kv-format.js';
import { HIDDEN, KEPT_TOKENS } from './lane-names.js';
import type { LaneCounts } from './lanes-graph.js';
import { LinearLayers, type WeightMode } from './linear.js';
import { encodeModel } from './onnx.js';
import { pickTokens } from './pick-graph.js';
import { WeightTable } from './weight-table.js';

/** Part of the cache's key: raised with every change of what the compiler writes. */
export const COMPILER_VERSION = 26;

export interface CompiledModel {
  readonly config: DecoderConfig;
  /** Whose operators the graphs have. */
  readonly kernels: Kernels;
  /** What {@link turningBack} needs for hidden states that graphs give; undefined: they are the model's own. */
  readonly turnedNorm: Float32Array | undefined;
  readonly weights: WeightTable;
  readonly graphs: readonly (LaneCounts & { readonly onnx: Uint8Array })[];
}

/**
 * Turns a GGUF file into graphs for hybrid batches over one table of weights: one for each number of prefill lanes in
 * `chunkCounts` and, without prefill lanes, one for each number of decode lanes in `decodeCounts`; with own kernels a single
 * one, for up to {@link OWN_CHUNKS_MAX} chunks beside decodes of up to the largest of `decodeCounts`. Reads metadata and
 * tensor table now, and weights when the table is written.
 * @throws ServingError 'model_unusable' naming the architecture, tensor or tensor type that is not supported.
 */
export async function compileModel(
  file: GgufFile,
  options: {
    readonly weights: WeightMode;
    readonly kv: KvMode;
    /** Default: the runtime's. */
    readonly kernels?: Kernels;
    /** Most that compute a pass together. */
    readonly threads: number;
    readonly chunkCounts: readonly number[];
    /** Each above 1. */
    readonly decodeCounts: readonly number[];
    /** Needed for weights in w8a8, and for keys and values in q8 with the runtime's kernels. */
    readonly calibration?: Calibration;
  },
): Promise<CompiledModel> {
  const architecture = architectureOf(file);
  const config = await architecture.readConfig(file);
  const weights = new WeightTable('weights.bin');
  const { kernels = 'runtime' } = options;
  const linear = new LinearLayers(options.weights, { ...options, kernels });
  const basis = basisOf(options.weights, config);
  const bounds = options.calibration?.keyValues;
  const { threads } = options;
  const kv = new KvFormat(options.kv, bounds === undefined ? { threads } : { threads, bounds });
  const graphs = countsOf(kernels, options).map(({ chunks, decodeTokens }) => {
    const builder = new GraphBuilder(`hybrid-${chunks}-${decodeTokens}`, weights);
    const kept = builder.input(KEPT_TOKENS, 'int64', ['kept']);
    const context = { file, config, linear, basis, kv, kernels, chunks, decodeTokens, kept };
    architecture.buildBlocks(builder, context);
    builder.output(HIDDEN, 'float32', ['kept', config.hidden]);
    const wanted = builder.input('wanted', 'int64', ['wanted_rows']);
    const rows = {
      value: builder.node('Gather', [HIDDEN, wanted], 'wanted_rows_in'),
      scale: undefined,
      countedBy: wanted,
    };
    pickTokens(builder, architecture.buildHead(builder, context, rows), config.vocabularyCount, kernels);
    return { chunks, decodeTokens, onnx: encodeModel(builder.graph()) };
  });
  const turnedNorm = basis.isTurned ? await architecture.lastNorm(file).read() : undefined;
  return { config, kernels, turnedNorm, weights, graphs };
}

/** What each graph has room for. */
function countsOf(
  kernels: Kernels,
  { chunkCounts, decodeCounts }: { readonly chunkCounts: readonly number[]; readonly decodeCounts: readonly number[] },
): LaneCounts[] {
  if (kernels === 'own') return [{ chunks: OWN_CHUNKS_MAX, decodeTokens: Math.max(1, ...decodeCounts) }];
  return [
    ...chunkCounts.map((chunks) => ({ chunks, decodeTokens: 1 })),
    ...decodeCounts.map((decodeTokens) => ({ chunks: 0, decodeTokens })),
  ];
}
