import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadRuntime, Tensor } from '@sluice/ort';
import { seededRng, systemClock } from '@sluice/shared';
import type { DecoderConfig } from '../../model/architectures/config.js';
import { GraphBuilder } from '../../model/compile/graph-builder.js';
import { LinearLayers, type WeightMode } from '../../model/compile/linear.js';
import { encodeModel } from '../../model/compile/onnx.js';
import { rowShaping } from '../../model/compile/row-shaping.js';
import type { SourceMatrix } from '../../model/compile/source-matrix.js';
import { WeightTable } from '../../model/compile/weight-table.js';
import { writeWeights } from '../compiled/write-weights.js';

/** The least time of one layer's feed-forward part, milliseconds. */
export interface LayerTimes {
  /** For a token each of sixteen sequences. */
  readonly decodeMs: number;
  /** For 64 tokens of a prompt. */
  readonly promptMs: number;
}

const DECODES = 16;
const CHUNK_TOKENS = 64;
const ROUNDS = 25;
/** Of a layer: wider ones are measured as if they were so wide. */
const WIDTH_MAX = 2048;

type LayerSizes = Pick<DecoderConfig, 'hidden' | 'feedForward' | 'normEpsilon'>;

/** What layers are measured on. */
export interface MeasureOptions {
  readonly threads: number;
  /** Of own kernels, where those are to compute what they can; absent: the runtime's compute all. */
  readonly operatorLibrary?: string;
}

/**
 * Runs the part of a layer that most of a pass goes into, with random weights, in each of several modes, by turns, so that
 * what else the machine does falls on all of them. Takes about a second.
 * @param folder to write in; nothing is left there.
 */
export async function measureWeights(
  sizes: LayerSizes,
  modes: readonly WeightMode[],
  options: MeasureOptions,
  folder: string,
): Promise<LayerTimes[]> {
  const clock = systemClock();
  const own = path.join(folder, `measure.${process.pid}.${randomUUID().slice(0, 8)}.tmp`);
  const layers: Layer[] = [];
  try {
    for (const mode of modes) layers.push(await openLayer(sizes, mode, options, path.join(own, mode)));
    const time = async (layer: Layer, tokens: number): Promise<number> => {
      const startMs = clock.nowMs();
      await layer.run(tokens);
      return clock.nowMs() - startMs;
    };
    const least = layers.map(() => ({ decodeMs: Number.POSITIVE_INFINITY, promptMs: Number.POSITIVE_INFINITY }));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, layer] of layers.entries()) {
        const times = least[index]!;
        times.decodeMs = Math.min(times.decodeMs, await time(layer, DECODES));
        times.promptMs = Math.min(times.promptMs, await time(layer, CHUNK_TOKENS));
      }
    }
    return least;
  } finally {
    for (const layer of layers) layer.close();
    await rm(own, { recursive: true, force: true });
  }
}

interface Layer {
  run(tokens: number): Promise<void>;
  close(): void;
}

/** From the residual to the residual, as an architecture writes it. */
async function openLayer(
  sizes: LayerSizes,
  mode: WeightMode,
  { threads, operatorLibrary }: MeasureOptions,
  folder: string,
): Promise<Layer> {
  const kernels = operatorLibrary === undefined ? 'runtime' : 'own';
  const wide = Math.min(sizes.feedForward, WIDTH_MAX);
  const narrow = Math.min(sizes.hidden, WIDTH_MAX);
  const weights = new WeightTable('weights.bin');
  const builder = new GraphBuilder('layer', weights);
  const linear = new LinearLayers(mode, { kernels, calibration: { moments: new Map(), keyValues: [] } });
  const shaping = rowShaping(builder, { config: sizes, kernels, linear });
  builder.input('ids', 'int64', ['tokens']);
  const before = builder.input('before', 'float32', ['tokens', narrow]);
  const norm = builder.weight('norm', 'float32', [narrow], async () => new Float32Array(narrow).fill(1));
  const { rows, residual } = shaping.norm(before, undefined, norm, 'fed');
  const matrices = [randomMatrix(wide, narrow), randomMatrix(wide, narrow)] as const;
  const product = linear.applyGated(builder, rows, 'gate_up', matrices, 'gated');
  const addition = linear.applyUneven(builder, product, 'down', randomMatrix(narrow, wide), 'addition');
  const behind = shaping.norm(residual, addition, norm, 'next').residual;
  builder.output(behind, 'float32', ['tokens', narrow]);
  await mkdir(folder, { recursive: true });
  const graphPath = path.join(folder, 'layer.onnx');
  await writeFile(graphPath, encodeModel(builder.graph()));
  await writeWeights(weights, path.join(folder, weights.file), false, () => {});
  const session = loadRuntime().createSession(graphPath, {
    intraOpThreads: threads,
    memoryPattern: false,
    entries: { 'session.force_spinning_stop': '1' },
    ...(operatorLibrary === undefined ? {} : { operatorLibraries: [operatorLibrary] }),
  });
  const bindings = new Map(
    [DECODES, CHUNK_TOKENS].map((tokens) => {
      const binding = session.createBinding();
      const floats = (): Tensor => Tensor.over(randomFloats(tokens * narrow), [tokens, narrow]);
      binding.bindInput('ids', Tensor.over(new BigInt64Array(tokens), [tokens]));
      binding.bindInput(before, floats());
      binding.bindOutput(behind, floats());
      return [tokens, binding];
    }),
  );
  return { run: (tokens) => session.run(bindings.get(tokens)!), close: () => session.dispose() };
}

function randomMatrix(rows: number, columns: number): SourceMatrix {
  return { name: 'random', rows, columns, read: async () => randomFloats(rows * columns) };
}

function randomFloats(length: number): Float32Array {
  const rng = seededRng(length);
  return Float32Array.from({ length }, () => 2 * rng.next() - 1);
}
