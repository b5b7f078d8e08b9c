import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { openCompiled } from '../../io/compiled/compiled-folder.js';
import { openGguf } from '../../io/models/open-gguf.js';
import type { KvMode } from '../compile/kv-format.js';
import type { WeightMode } from '../compile/linear.js';
import type { CompiledFiles } from '../compiled-files.js';
import { type TinyModel, type TinyModelOptions, tinyModel } from '../tiny-model.js';
import type { KernelsUnderTest } from './each-kernels.js';

export interface CompiledTinyModel extends TinyModel {
  readonly files: CompiledFiles;
  /** What `LaneModel` needs to be given beside the files. */
  readonly library: KernelsUnderTest['library'];
}

export interface TinyGraphs extends Partial<KernelsUnderTest> {
  readonly kv?: KvMode;
  readonly threads?: number;
}

/** Where tests of one file keep their compiled models; remove it when they are done. */
export class TinyModelFolder {
  #folder: Promise<string> | undefined;

  /**
   * A random model, written as a GGUF file and compiled from it, with graphs of 0, 1 and 2 prefill lanes and of 3 decode
   * lanes, or with the one graph of own kernels.
   */
  async compile(
    seed: number,
    weights: WeightMode,
    options: TinyModelOptions = {},
    { library = {}, ...graphs }: TinyGraphs = {},
  ): Promise<CompiledTinyModel> {
    this.#folder ??= mkdtemp(path.join(os.tmpdir(), 'sluice-tiny-'));
    const folder = await this.#folder;
    const tiny = tinyModel(seed, options);
    const ggufPath = path.join(folder, `${seed}.gguf`);
    await writeFile(ggufPath, tiny.gguf);
    const file = await openGguf(ggufPath);
    try {
      const files = await openCompiled(file, {
        weights,
        ...graphs,
        chunkCounts: [0, 1, 2],
        decodeCounts: [3],
        cacheFolder: folder,
      });
      return { ...tiny, files, library };
    } finally {
      await file.close();
    }
  }

  async remove(): Promise<void> {
    if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true });
  }
}
