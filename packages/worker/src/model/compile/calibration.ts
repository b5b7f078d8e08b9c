import type { InputMoments } from './input-moments.js';

/** What is known of a model's values, from running a text through it. */
export interface Calibration {
  /** Of the input of each linear layer, by the layer's name; empty where no layer is in 8-bit integers. */
  readonly moments: ReadonlyMap<string, InputMoments>;
  /** Of each layer. */
  readonly keyValues: readonly KeyValueBounds[];
}

/** Largest magnitudes of what a layer's slots keep, by channel: [kvHeads * headDim], row-major. */
export interface KeyValueBounds {
  /** Whatever their position turns them by: both channels of a pair have the pair's length. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
}
