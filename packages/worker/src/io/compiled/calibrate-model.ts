import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { DecoderConfig } from '../../model/architectures/config.js';
import { largestMagnitudes } from '../../model/calibrate.js';
import type { Calibration, KeyValueBounds } from '../../model/compile/calibration.js';
import { calibrationText } from '../../model/compile/calibration-text.js';
import { keysOf, observedGraph, valuesOf } from '../../model/compile/observed-graph.js';
import type { GgufFile } from '../../model/gguf/gguf-file.js';
import { createTokenizer } from '../../text/tokenizer.js';
import { readTokenizer } from '../read-tokenizer.js';
import type { CompiledFolder } from './compiled-folder.js';

/** More would take longer and hardly change what is found. */
const TOKENS_MAX = 2048;
/**
 * Layers whose inputs stand out in other channels for each token, which no smoothing can foresee: the products of gate
 * and up. In 8-bit integers they would lose as much as all other layers together.
 */
const UNEVEN = /\.down$/;

/**
 * Runs the calibration text through a model that was compiled in 8-bit blocks. The default model takes some seconds.
 * @param onProgress 0 to 1.
 */
export async function calibrateModel(
  file: GgufFile,
  blocks: CompiledFolder,
  onProgress: (fraction: number) => void,
): Promise<Calibration> {
  const tokenizer = createTokenizer(await readTokenizer(file));
  const ids = tokenizer.encode(calibrationText, { special: false, begin: true }).slice(0, TOKENS_MAX);
  const graph = await observedGraph(file, path.basename(blocks.weightsPath));
  // The runtime looks for the weights beside the graph.
  const folder = path.dirname(blocks.weightsPath);
  const graphPath = path.join(folder, `observed.${process.pid}.${randomUUID().slice(0, 8)}.onnx`);
  try {
    await writeFile(graphPath, graph.onnx);
    const largest = await largestMagnitudes(blocks, { path: graphPath, observed: graph.observed }, ids, onProgress);
    return {
      largest,
      keepInBlocks: new Set([...largest.keys()].filter((name) => UNEVEN.test(name))),
      keyValues: keyValuesOf(blocks.config, largest),
    };
  } finally {
    await rm(graphPath, { force: true });
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
