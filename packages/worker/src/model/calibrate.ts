import { loadRuntime, mapFile, Tensor, type TensorArray } from '@sluice/ort';
import { type DecoderConfig, rotaryTables } from './architectures/config.js';
import { kvLayout } from './compile/kv-layout.js';
import { chunkLane, decodeLane, KEPT } from './compile/lane-names.js';
import type { Observed } from './compile/observed-graph.js';
import type { WeightEntry } from './compile/weight-table.js';
import { LaneCache } from './lane-cache.js';

/** Tokens of a text that are run at once, each such piece as a text of its own. */
const PIECE_TOKENS = 256;

/**
 * What a graph observes over a text, by name.
 * @param weightsPath of the graph's own weights.
 * @param ids of the text, at least two.
 * @param onProgress 0 to 1.
 */
export async function observeText(
  graph: {
    readonly path: string;
    readonly observed: readonly Observed[];
    readonly config: DecoderConfig;
    readonly weightsPath: string;
    readonly weights: readonly WeightEntry[];
  },
  ids: readonly number[],
  onProgress: (fraction: number) => void,
): Promise<Map<string, Float32Array>> {
  const { config } = graph;
  const mapped = mapFile(graph.weightsPath);
  const session = loadRuntime().createSession(graph.path, {
    initializers: new Map(
      graph.weights.map(({ name, type, offset, shape }) => [name, Tensor.overMapped(mapped, offset, type, shape)]),
    ),
    memoryPattern: false,
    // Weights that the observed part of the graph does not read are no news.
    logLevel: 'error',
  });
  const found = graph.observed.map(({ name, output, shape, join }) => {
    const length = shape.reduce((product, size) => product * size, 1);
    return { name, output, shape, join, piece: new Float32Array(length), whole: new Float32Array(length) };
  });
  try {
    const binding = session.createBinding();
    const bind = (name: string, array: TensorArray, shape: readonly number[] = [array.length]): void =>
      binding.bindInput(name, Tensor.over(array, shape));
    bindConstants(bind, config);
    const cache = new LaneCache(config, kvLayout('f32', 'runtime', config), 2, PIECE_TOKENS + 1);
    const lane = chunkLane(0);
    cache.bind(binding, [decodeLane(0)], 1, 1);
    cache.bind(binding, [lane], 0, 1);
    for (const { output, shape, piece } of found) binding.bindOutput(output, Tensor.over(piece, shape));
    const pieces = piecesOf(ids);
    for (const [index, piece] of pieces.entries()) {
      bind('ids', BigInt64Array.from(piece, BigInt));
      bind(lane.start, BigInt64Array.of(0n));
      bind(lane.end, BigInt64Array.of(BigInt(piece.length)));
      bind(lane.last, Int32Array.of(piece.length - 1));
      bind(lane.total, Int32Array.of(piece.length), []);
      await session.run(binding);
      for (const { join, piece, whole } of found) {
        for (let i = 0; i < whole.length; i++) {
          whole[i] = join === 'sum' ? whole[i]! + piece[i]! : Math.max(whole[i]!, piece[i]!);
        }
      }
      onProgress((index + 1) / pieces.length);
    }
  } finally {
    session.dispose();
  }
  return new Map(found.map(({ name, whole }) => [name, whole]));
}

/** Rotations, and a decode lane of one idle row. */
function bindConstants(
  bind: (name: string, array: TensorArray, shape?: readonly number[]) => void,
  config: DecoderConfig,
): void {
  const { cos, sin } = rotaryTables(config, PIECE_TOKENS + 1);
  bind('cos', cos, [PIECE_TOKENS + 1, config.headDim / 2]);
  bind('sin', sin, [PIECE_TOKENS + 1, config.headDim / 2]);
  const lane = decodeLane(0);
  bind(lane.sources, BigInt64Array.of(0n), [1, 1]);
  bind(KEPT, new BigInt64Array(1), [0]);
  bind(lane.pasts, Int32Array.of(0));
  bind(lane.longest, Int32Array.of(1), []);
}

/** Pieces of the text; a last one of a single token is left out, since it would say nothing. */
function piecesOf(ids: readonly number[]): readonly (readonly number[])[] {
  const pieces: (readonly number[])[] = [];
  for (let from = 0; from + 1 < ids.length; from += PIECE_TOKENS) pieces.push(ids.slice(from, from + PIECE_TOKENS));
  return pieces;
}
