import { ServingError } from '@sluice/shared';
import type { GraphBuilder } from '../compile/graph-builder.js';
import type { HiddenBasis } from '../compile/hidden-basis.js';
import type { Kernels } from '../compile/kernels.js';
import type { KvFormat } from '../compile/kv-format.js';
import type { LaneCounts } from '../compile/lanes-graph.js';
import type { LinearLayers } from '../compile/linear.js';
import type { ScaledRows } from '../compile/rows.js';
import type { SourceMatrix } from '../compile/source-matrix.js';
import type { GgufFile } from '../gguf/gguf-file.js';
import type { DecoderConfig } from './config.js';
import { llama } from './llama.js';

/** A family of models: how its metadata is read, and how its forward pass is written as a graph of hybrid batches. */
export interface Architecture {
  /**
   * @throws ServingError 'model_unusable' naming what of the file the family's graph cannot do.
   */
  readConfig(file: GgufFile): Promise<DecoderConfig>;

  /** Adds the blocks from embedding to last norm, which gives the value `HIDDEN` in the coordinates of the basis. */
  buildBlocks(builder: GraphBuilder, context: BuildContext): void;

  /** Adds the head; returns logits [rows, vocabulary] of rows of `HIDDEN`. */
  buildHead(builder: GraphBuilder, context: BuildContext, input: ScaledRows): string;

  /** The last norm's own weights, [hidden, 1]. */
  lastNorm(file: GgufFile): SourceMatrix;
}

export interface BuildContext extends LaneCounts {
  readonly file: GgufFile;
  readonly config: DecoderConfig;
  readonly linear: LinearLayers;
  readonly basis: HiddenBasis;
  readonly kv: KvFormat;
  readonly kernels: Kernels;
  /** int64 [kept], an input: packed tokens that go on behind the last layer's attention; undefined: all do. */
  readonly kept?: string;
}

/** By `general.architecture` of the model's file. */
const architectures: Readonly<Record<string, Architecture>> = { llama };

export function architectureOf(file: GgufFile): Architecture {
  const name = file.metadata.string('general.architecture');
  const architecture = Object.hasOwn(architectures, name) ? architectures[name] : undefined;
  if (architecture !== undefined) return architecture;
  const known = Object.keys(architectures).join(', ');
  throw new ServingError(
    'model_unusable',
    `${file.path}: architecture "${name}" is not supported (supported: ${known})`,
  );
}
