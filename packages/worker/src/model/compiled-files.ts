import type { DecoderConfig } from './architectures/config.js';
import type { Kernels } from './compile/kernels.js';
import type { KvMode } from './compile/kv-format.js';
import type { LaneCounts } from './compile/lanes-graph.js';
import type { WeightMode } from './compile/linear.js';
import type { WeightEntry } from './compile/weight-table.js';

/** A compiled model on disk; io/compiled makes one. */
export interface CompiledFiles {
  readonly config: DecoderConfig;
  readonly weightMode: WeightMode;
  /** How the graphs keep keys and values. */
  readonly kv: KvMode;
  /** Whose operators the graphs have: the runtime's lanes, or our own, and then one graph for all passes. */
  readonly kernels: Kernels;
  /** Whether rows have a sink; without, a pass on the runtime's kernels has at most as many threads as the model has heads. */
  readonly hasSink: boolean;
  /**
   * [hidden]: weights of the model's own last norm, where graphs give hidden states in turned coordinates (`turningBack`).
   * Undefined: they are as the model has them.
   */
  readonly turnedNorm: readonly number[] | undefined;
  readonly weightsPath: string;
  readonly weights: readonly WeightEntry[];
  readonly graphs: readonly (LaneCounts & { readonly path: string })[];
}
