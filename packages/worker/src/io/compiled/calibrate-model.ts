import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { architectureOf } from '../../model/architectures/architecture.js';
import type { DecoderConfig } from '../../model/architectures/config.js';
import { observeText } from '../../model/calibrate.js';
import type { Calibration, KeyValueBounds } from '../../model/compile/calibration.js';
import { calibrationText } from '../../model/compile/calibration-text.js';
import type { WeightMode } from '../../model/compile/linear.js';
import { keysOf, observedGraph, valuesOf } from '../../model/compile/observed-graph.js';
import type { GgufFile } from '../../model/gguf/gguf-file.js';
import { createTokenizer } from '../../text/tokenizer.js';
import { readTokenizer } from '../read-tokenizer.js';
import { writeWeights } from './write-weights.js';

/** More would take longer and hardly change what is found. */
const TOKENS_MAX = 2048;
/** Share of the work that is done when the model is in 8-bit blocks. */
const IN_BLOCKS = 0.5;

/**
 * Runs the calibration text through the model in 8-bit blocks, which are written for that and removed. The default model
 * takes some seconds.
 * @param mode of the weights that it is for.
 * @param folder to write in; nothing is left there.
 * @param onProgress 0 to 1.
 */
export async function calibrateModel(
  file: GgufFile,
  mode: WeightMode,
  folder: string,
  onProgress: (fraction: number) => void,
): Promise<Calibration> {
  const tokenizer = createTokenizer(await readTokenizer(file));
  const ids = tokenizer.encode(calibrationText, { special: false, begin: true }).slice(0, TOKENS_MAX);
  const config = await architectureOf(file).readConfig(file);
  const own = path.join(folder, `observed.${process.pid}.${randomUUID().slice(0, 8)}.tmp`);
  await mkdir(own, { recursive: true });
  try {
    const { onnx, weights, observed } = await observedGraph(file, mode, 'weights.bin');
    const graphPath = path.join(own, 'observed.onnx');
    // The runtime looks for the weights beside the graph.
    const weightsPath = path.join(own, weights.file);
    await writeFile(graphPath, onnx);
    await writeWeights(weights, weightsPath, false, (done) => onProgress(IN_BLOCKS * done));
    const graph = { path: graphPath, observed, config, weightsPath, weights: weights.entries };
    const found = await observeText(graph, ids, (done) => onProgress(IN_BLOCKS + (1 - IN_BLOCKS) * done));
    const moments = observed
      .filter(({ join }) => join === 'sum')
      .map(({ name, shape }) => [name, { block: shape[1]!, sums: found.get(name)! }] as const);
    return { moments: new Map(moments), keyValues: keyValuesOf(config, found) };
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

function keyValuesOf(
  { layers, kvHeads, headDim, rope }: DecoderConfig,
  largest: ReadonlyMap<string, Float32Array>,
): KeyValueBounds[] {
  const half = headDim / 2;
  const pairOf = (channel: number): number => {
    const inHead = channel % headDim;
    return Math.floor(channel / headDim) * half + (rope.interleaved ? inHead >> 1 : inHead % half);
  };
  return Array.from({ length: layers }, (_, layer) => {
    const pairs = largest.get(keysOf(layer))!;
    const keys = Float32Array.from({ length: kvHeads * headDim }, (_, channel) => pairs[pairOf(channel)]!);
    return { keys, values: largest.get(valuesOf(layer))! };
  });
}
